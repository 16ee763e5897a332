// node scripts/assemble.mjs FOLDER: the program for containers: dist/ without the types, plus the serial
// port's native binding with only its run-time dependencies (Linux with glibc, x64 and arm64).
import { chmodSync, cpSync, mkdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";

const target = process.argv[2];
if (!target) throw new Error("usage: assemble.mjs FOLDER");
const root = join(import.meta.dirname, "..");
/** The checkout that owns node_modules/, possibly another one through a link. */
const modules = dirname(realpathSync(join(root, "node_modules")));
const NOT_AT_RUN_TIME = new Set(["node-addon-api"]); // headers for compiling

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
cpSync(resolve(root, process.env.OUTDIR ?? "dist"), join(target, "dist"), {
  recursive: true,
  filter: (path) => !path.endsWith(`${sep}types`),
});
chmodSync(join(target, "dist", "main.js"), 0o755);
for (const file of ["package.json", "LICENSE"]) cpSync(join(root, file), join(target, file));

/** Copies a package to its path below the root, then its dependencies. */
const copyPackage = (name, from) => {
  const folder = findPackage(name, from);
  const place = join(target, relative(modules, folder));
  cpSync(folder, place, { recursive: true, filter: (path) => isNeeded(relative(folder, path)) });
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const dependency of Object.keys(dependencies)) {
    if (!NOT_AT_RUN_TIME.has(dependency)) copyPackage(dependency, join(folder, "package.json"));
  }
};

const findPackage = (name, from) => {
  for (const folder of createRequire(from).resolve.paths(name) ?? []) {
    try {
      return dirname(createRequire(join(folder, "x")).resolve(join(folder, name, "package.json")));
    } catch {
      // not in this node_modules: the next one up
    }
  }
  throw new Error(`${name} is not installed: run npm ci`);
};

const isNeeded = (path) =>
  path === "" ||
  (!/(^|[/\\])(node_modules|build|test)([/\\]|$)|\.(d\.ts|map|md|gyp|h|cpp|ts)$|CHANGELOG|^(bin|build-test|optional)\.js$/.test(
    path,
  ) &&
    (!path.startsWith(`prebuilds${sep}`) ||
      /^prebuilds[/\\]linux-(x64|arm64)([/\\][^/\\]*(?<!musl)\.node)?$/.test(path)));

copyPackage("@serialport/bindings-cpp", join(root, "package.json"));
