/**
 * Global set-up and teardown of every project: all files go below one temporary folder ($TMPDIR), and
 * a run fails if it leaves anything there, or a process started with a path in it.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Caches of Node and V8. */
const NOT_OURS = /^(?:node-compile-cache|v8-compile-cache)/;
/** Grace period for processes to exit. */
const ENDS_WITHIN_MS = 2_000;

export function setup(): () => Promise<void> {
  const before = process.env.TMPDIR;
  const folder = mkdtempSync(join(tmpdir(), "kaifa-tests-"));
  // Tests that run the program as another user need access, too.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  return async () => {
    const running = await leftRunning(folder);
    const left = readdirSync(folder).filter((name) => !NOT_OURS.test(name));
    rmSync(folder, { recursive: true, force: true });
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    if (left.length === 0 && running.length === 0) return;
    // Vitest prints an error from this function and continues; the exit code makes the run fail.
    process.exitCode = 1;
    throw new Error(`the tests left behind in ${folder}: ${[...left.sort(), ...running].join(", ")}`);
  };
}

/** Kills the processes with that path on their command line and returns them. Empty without /proc. */
async function leftRunning(folder: string): Promise<string[]> {
  for (const end = Date.now() + ENDS_WITHIN_MS; processesOf(folder).length > 0 && Date.now() < end; ) {
    await setTimeout(50);
  }
  const left = processesOf(folder);
  for (const { pid } of left) process.kill(pid, "SIGKILL");
  return left.map(({ pid, commandLine }) => `process ${pid} (${commandLine})`);
}

function processesOf(folder: string): { readonly pid: number; readonly commandLine: string }[] {
  return processIds()
    .filter((pid) => pid !== process.pid)
    .map((pid) => ({ pid, commandLine: commandLineOf(pid) }))
    .filter(({ commandLine }) => commandLine.includes(folder));
}

function processIds(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return []; // not Linux
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return ""; // it has ended
  }
}
