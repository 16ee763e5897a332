#!/usr/bin/env node
/**
 * The entry point: checks the Node version before loading anything that an old version can't parse. Limited to the
 * syntax and modules of Node 12, with no static imports from this project.
 */
import manifest from "../package.json" with { type: "json" };

const needed = manifest.engines.node.replace(/[^0-9.]/g, "");
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const [neededMajor = 0, neededMinor = 0] = needed.split(".").map(Number);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `error: kaifa2mqtt needs Node.js ${needed} or newer, and this is ${process.versions.node}: install a newer one (https://nodejs.org/en/download), or use the container image, which brings its own\n`,
  );
  process.exitCode = 1;
} else {
  void import("./program.ts");
}
