// Before building and testing: reports an outdated Node in one line instead of a tool's stack trace.
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const needed = manifest.engines.node.replace(/[^0-9.]/g, "");
const [major, minor] = process.versions.node.split(".").map(Number);
const [neededMajor, neededMinor] = needed.split(".").map(Number);
if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  console.error(
    `error: kaifa2mqtt needs Node.js ${needed} or newer, and this is ${process.versions.node}: https://nodejs.org/en/download`,
  );
  process.exit(1);
}
