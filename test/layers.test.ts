import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Which folder of src may import which (CONTRIBUTING.md, "Direction of dependencies"). `types` are type-only
 * imports, which vanish in the build. A folder that is not listed here (the top-level files, `commands`) may import
 * all others.
 */
const ALLOWED: Record<string, { values: string[]; types?: string[] }> = {
  codec: { values: [] },
  catalogue: { values: ["codec"] },
  acceptance: { values: ["codec", "catalogue", "process"], types: ["log"] },
  diagnosis: { values: ["codec", "catalogue"], types: ["log", "sources"] },
  backfill: { values: ["ledger"], types: ["log", "config"] },
  portal: { values: ["codec", "ledger"] },
  ledger: { values: ["codec", "catalogue", "process"], types: ["log", "config", "meter"] },
  meter: { values: ["codec", "catalogue", "acceptance", "diagnosis", "process"], types: ["sources", "config", "log"] },
  sources: { values: ["codec", "catalogue"], types: ["config", "log"] },
  sinks: {
    values: ["codec", "catalogue", "meter", "ledger", "process"],
    types: ["config", "log", "diagnosis", "backfill"],
  },
  http: {
    values: [
      "codec",
      "catalogue",
      "acceptance",
      "diagnosis",
      "meter",
      "ledger",
      "sinks",
      "process",
      "log",
      "version.ts",
    ],
    types: ["config", "backfill"],
  },
  // A separate program in the browser: no folder imports it.
  "decode-page": { values: ["codec", "catalogue", "diagnosis", "sources", "config", "log", "http", "commands"] },
  config: { values: ["codec", "catalogue", "log"] },
  log: { values: [], types: ["config"] },
  process: { values: [], types: ["config", "log"] },
};
/** The folders of the codec, likewise; top-level files that belong to none are shared types (telegram, codec-error, hex). */
const CODEC_ROOMS: Record<string, string[]> = {
  values: [],
  axdr: ["values"],
  link: ["axdr", "values"],
  lists: ["axdr", "values"],
  apdu: ["link", "lists", "axdr", "values"],
  records: ["link", "values"],
  inspect: ["link", "lists", "apdu", "axdr", "records", "values"],
};
/**
 * The meter, which retries, may import the interface of sources with its error class; the serial port library is
 * shared by the source and the P1 output.
 */
const INTERFACES: Record<string, string[]> = {
  meter: ["sources/source.ts"],
  sinks: ["sources/serialport-library.ts"],
};
/** The only codec file that may import a Node module, and which one; a browser build replaces the file. */
const CODEC_IMPORTS = ["codec/aes.ts -> node:crypto"];

const root = resolve("src");
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(root, name));
const folderOf = (path: string) => relative(root, path).split("/")[0] ?? "";
/** The folder within the codec; `null` for a top-level file. */
const codecRoom = (path: string) => {
  const [top, inner, file] = relative(root, path).split("/");
  return top === "codec" && file !== undefined ? (inner ?? null) : null;
};

function importsOf(file: string): { specifier: string; path: string; typeOnly: boolean }[] {
  const text = readFileSync(file, "utf8").replace(/^\s*(?:\/?\*|\/\/).*$/gm, "");
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...found].map((match) => {
    const specifier = match[2] ?? match[3] ?? "";
    return { specifier, path: resolve(dirname(file), specifier), typeOnly: match[1] !== undefined };
  });
}
const ownImports = (file: string) => importsOf(file).filter(({ specifier }) => specifier.startsWith("."));

describe("the folders of src depend on each other in one direction", () => {
  it("reads the imports of every file", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap(importsOf).length).toBeGreaterThan(50);
  });

  it("has no import in the wrong direction", () => {
    const wrong = files.flatMap((file) => {
      const rule = ALLOWED[folderOf(file)];
      if (!rule) return [];
      return ownImports(file)
        .map((found) => ({ ...found, to: folderOf(found.path) }))
        .filter(({ path }) => !INTERFACES[folderOf(file)]?.includes(relative(root, path)))
        .filter(
          ({ to, typeOnly }) =>
            to !== folderOf(file) && !rule.values.includes(to) && !(typeOnly && rule.types?.includes(to)),
        )
        .map(({ specifier }) => `${relative(root, file)} -> ${specifier}`);
    });
    expect(wrong).toEqual([]);
  });

  it("the folders of the codec follow the pipeline", () => {
    const wrong = files.flatMap((file) => {
      const from = codecRoom(file);
      if (from === null) return [];
      const known = CODEC_ROOMS[from] ?? [];
      return ownImports(file)
        .map(({ path }) => codecRoom(path))
        .filter((to) => to !== null && to !== from && !known.includes(to))
        .map((to) => `${relative(root, file)} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it("the codec imports only itself, and node:crypto in one file", () => {
    const foreign = files
      .filter((file) => folderOf(file) === "codec")
      .flatMap((file) => importsOf(file).map(({ specifier }) => `${relative(root, file)} -> ${specifier}`))
      .filter((arrow) => !arrow.includes("-> .") && !CODEC_IMPORTS.includes(arrow));
    expect(foreign).toEqual([]);
  });

  it("the codec uses no Node-only globals, so that it runs in a browser", () => {
    const onlyNode = /\b(?:Buffer\.|process\.|setImmediate|require\(|import\.meta|__dirname)/;
    const codeOf = (file: string) => readFileSync(file, "utf8").replace(/^\s*(?:\/?\*|\/\/).*$/gm, "");
    const found = files.filter((file) => folderOf(file) === "codec" && onlyNode.test(codeOf(file)));
    expect(found).toEqual([]);
  });

  it("there are no import cycles, types included", () => {
    const arrows = new Map(files.map((file) => [file, ownImports(file).map(({ path }) => path)]));
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      const at = trail.indexOf(file);
      if (at >= 0) circles.push([...trail.slice(at), file].map((name) => relative(root, name)).join(" -> "));
      if (at >= 0 || done.has(file)) return;
      for (const next of arrows.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});
