// node scripts/npm-folder.mjs [FOLDER]: the npm package to publish. package.json lists the program's libraries
// under `dependencies`, where readers and auditors expect them; the bundle in dist/ already contains them, so only those
// outside the bundle are kept, and nothing is installed twice.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { NATIVE_PACKAGE } from "./bundle-options.mjs";

const root = join(import.meta.dirname, "..");
const target = resolve(process.argv[2] ?? join(root, "dist-npm"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

rmSync(target, { recursive: true, force: true });
const [{ files }] = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, encoding: "utf8" }),
);
for (const { path } of files) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  cpSync(join(root, path), join(target, path));
}
const { scripts, devDependencies, ...published } = manifest;
published.dependencies = { [NATIVE_PACKAGE]: manifest.dependencies[NATIVE_PACKAGE] };
writeFileSync(join(target, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
console.log(target);
