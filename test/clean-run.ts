/**
 * Before and after all tests of a run: what they write goes below one folder of its own ($TMPDIR), and a run that leaves
 * anything there has failed.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Made by Node, V8 and browsers for themselves. */
const NOT_OURS = /^(?:node-compile-cache|v8-compile-cache|\.org\.chromium|org\.chromium|playwright)/;

/** Projects whose tests start programs of others. */
const REAL_PROGRAMS = new Set(["system", "browser", "ha", "debian", "docker"]);

export function setup(): () => void {
  const before = process.env.TMPDIR;
  const folder = mkdtempSync(join(tmpdir(), "kaifa-tests-"));
  // Tests in which another user runs the program go below it, too.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  return () => {
    const left = readdirSync(folder).filter((name) => !NOT_OURS.test(name));
    rmSync(folder, { recursive: true, force: true });
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    if (left.length === 0) return;
    // Vitest prints an error of this function and goes on; a run of the unit tests fails because of it. The real programs
    // that the other projects start (lintian, Chromium, …) leave files of their own, which are only named.
    if (!process.argv.some((argument) => REAL_PROGRAMS.has(argument))) process.exitCode = 1;
    throw new Error(`the tests left behind in ${folder}: ${left.sort().join(", ")}`);
  };
}
