/**
 * Keeps the modules that `run` loads in few files: each costs half a millisecond to two milliseconds of its start.
 *
 * esbuild makes a file for each set of modules that the same entry points reach, and each command and each lazily loaded
 * part of the bridge (page, outputs, …) is an entry point; left alone, `run` loads over 40 files. So
 * - a lazily loaded part of the bridge imports the bridge, which has long been loaded by then, and
 * - each command imports all modules that `run` shares with some other command. Not `health`, which runs every ten seconds.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";

const TABLE = "src/commands/command-table.ts";
const RUN = "src/commands/run.ts";
const HEALTH = "src/commands/health.ts";
/** Commands that contain a whole bridge. */
const WITH_BRIDGE = [RUN, "src/commands/demo.ts"];

/**
 * The plugin for these build options.
 *
 * @param {import("esbuild").BuildOptions} options
 * @returns {Promise<import("esbuild").Plugin>}
 */
export async function fewFiles(options) {
  const { metafile } = await build({ ...options, write: false, metafile: true });
  const added = addedImports(metafile.inputs);
  return {
    name: "few-files",
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const modules = added.get(path);
        if (modules === undefined) return undefined;
        const imports = modules.map((module) => `import ${JSON.stringify(module)};\n`).join("");
        return { contents: `${imports}${readFileSync(path, "utf8")}`, loader: "ts" };
      });
    },
  };
}

/** What each module shall import in addition; absolute paths. */
function addedImports(inputs) {
  const isLazy = ({ kind }) => kind === "dynamic-import";
  const importsOf = (path) => (inputs[path]?.imports ?? []).filter(({ external }) => !external);
  const reach = (path, follow, found = new Set()) => {
    if (found.has(path)) return found;
    found.add(path);
    for (const one of importsOf(path).filter(follow)) reach(one.path, follow, found);
    return found;
  };
  const atOnce = (path) => [...reach(path, (one) => !isLazy(one))];
  const atAll = (path) => [...reach(path, () => true)];
  const isOurs = (path) => path.startsWith("src/");

  const commands = importsOf(TABLE)
    .filter(isLazy)
    .map(({ path }) => path);
  const others = commands.filter((path) => !WITH_BRIDGE.includes(path));
  const elsewhere = new Set(others.flatMap(atAll));
  const lazyParts = atAll(RUN)
    .flatMap((path) => importsOf(path).filter(isLazy))
    .map(({ path }) => path)
    .filter((path) => isOurs(path) && !elsewhere.has(path));
  const atOnceElsewhere = new Set(others.flatMap(atOnce));
  const shared = atOnce(RUN).filter((path) => isOurs(path) && atOnceElsewhere.has(path));
  if (lazyParts.length === 0 || shared.length === 0) throw new Error(`${RUN} shares nothing, or has no lazy parts`);

  const sharedPaths = shared.map((path) => resolve(path));
  return new Map([
    ...lazyParts.map((path) => [resolve(path), [resolve(RUN)]]),
    ...commands.filter((path) => path !== HEALTH).map((path) => [resolve(path), sharedPaths]),
  ]);
}
