/**
 * A pseudo-terminal for the simulated meter. Node cannot create one, so `socat` or `python3` does, whichever is installed:
 * its standard input feeds the PTY, and its standard output carries what a reader writes to it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { rm, symlink } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const PYTHON = `
import os, pty, select, sys, tty
master, slave = pty.openpty()
tty.setraw(slave)
print("PTY is " + os.ttyname(slave), file=sys.stderr, flush=True)
while True:
    ready, _, _ = select.select([0, master], [], [])
    for fd in ready:
        data = os.read(fd, 4096)
        if not data: sys.exit()
        os.write(master if fd == 0 else 1, data)
`;
const HELPERS = [
  { command: "socat", args: ["-d", "-d", "-", "pty,raw,echo=0"] },
  { command: "python3", args: ["-c", PYTHON] },
] as const;

export interface Pty {
  /** The device for the reader to open. */
  readonly path: string;
  readonly input: Writable;
  /** What a reader sends. */
  readonly output: Readable;
  /** Resolves when the helper process has ended by itself. */
  readonly gone: Promise<void>;
  close(): Promise<void>;
}

/** @param link path of a symbolic link to create @throws Error if there is no helper or the link cannot be created */
export async function createPty(link?: string): Promise<Pty> {
  for (const { command, args } of HELPERS) {
    const helper = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const path = await devicePath(helper);
    if (path === null) continue;
    // Kept open, so that readers can come and go without closing the PTY.
    const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    const gone = once(helper, "exit").then(() => undefined);
    helper.stdin?.on("error", () => undefined);
    helper.stdout?.resume();
    const close = async (): Promise<void> => {
      closeSync(held);
      if (helper.exitCode === null && helper.signalCode === null) {
        helper.kill();
        await gone;
      }
      if (link !== undefined) await rm(link, { force: true });
    };
    try {
      if (link !== undefined) await symlink(path, link);
    } catch (error) {
      await close();
      throw error;
    }
    return { path, input: helper.stdin as Writable, output: helper.stdout as Readable, gone, close };
  }
  throw new Error("a PTY needs socat or python3: install one of them, or name a serial device or tcp-listen:HOST:PORT");
}

/** The PTY's path as the helper reports it; `null` if the helper cannot be started. */
async function devicePath(helper: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    helper.once("error", () => resolve(null));
    helper.once("exit", () => resolve(null));
    if (helper.stderr === null) return resolve(null);
    createInterface(helper.stderr).on("line", (line) => {
      const path = /PTY is (\/\S+)/.exec(line)?.[1];
      if (path !== undefined) resolve(path);
    });
  });
}
