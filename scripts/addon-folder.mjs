// node scripts/addon-folder.mjs [FOLDER]: the app for a Home Assistant without a registry: a folder for /addons that contains
// everything, including the bundled program (`npm run addon` builds that first). The Supervisor builds it with
// `docker buildx build` in that folder.

import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = join(import.meta.dirname, "..");
const target = resolve(process.argv[2] ?? "kaifa2mqtt-addon");

rmSync(target, { recursive: true, force: true });
cpSync(join(root, "hassio-addon"), target, { recursive: true });
execFileSync(process.execPath, [join(root, "scripts/assemble.mjs"), join(target, "app")], { stdio: "inherit" });

// The same Dockerfile, but with the program from the folder; without an image name, because the Supervisor would not build it.
const change = (from, to, pattern, text) => {
  const before = readFileSync(from, "utf8");
  const after = before.replace(pattern, text);
  if (after === before && text !== "") throw new Error(`${from} no longer has ${pattern}`);
  writeFileSync(to, after);
};
change(join(root, "Dockerfile"), join(target, "Dockerfile"), /^ARG APP=built$/m, "ARG APP=given");
change(join(target, "config.yaml"), join(target, "config.yaml"), /^image: .*\n/m, "");
console.log(
  `${target} is ready: copy it to /addons on Home Assistant (Samba or SSH app), then look for updates in the app store.`,
);
