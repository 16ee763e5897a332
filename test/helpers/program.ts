/** The program as users run it: built by scripts/build.mjs into a temporary folder and started as a process. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

export interface BuiltProgram {
  /** Path of main.js. */
  readonly main: string;
  remove(): void;
}

/** Inside the work tree, so that the native binding is found. */
export async function buildProgram(): Promise<BuiltProgram> {
  const cache = resolve("node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const outdir = mkdtempSync(join(cache, "kaifa2mqtt-"));
  const env = { ...process.env, OUTDIR: outdir };
  const remove = () => rmSync(outdir, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, ["scripts/build.mjs", "--program"], { env });
  } catch (error) {
    remove();
    throw error;
  }
  return { main: join(outdir, "main.js"), remove };
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
}

/** Starts it without any of our environment variables. */
export function start(main: string, args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", ...options.env };
  return spawn(process.execPath, [main, ...args], { cwd: options.cwd ?? "/", env });
}

/** Runs it until it exits. */
export async function run(main: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = start(main, args, options);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}
