/** Runs a command in the test process and collects its output. */
import { Readable, Writable } from "node:stream";
import type { Command, CommandOptions } from "../../src/commands/command.ts";

class Collected extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface CommandCall {
  readonly args?: readonly string[];
  readonly options?: CommandOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: Iterable<Uint8Array>;
  /** Aborted: as SIGTERM. */
  readonly signal?: AbortSignal;
}

export async function runCommand(command: Command, call: CommandCall = {}) {
  const stdout = new Collected();
  const stderr = new Collected();
  const hidden: string[] = [];
  const code = await command({
    args: call.args ?? [],
    options: call.options ?? {},
    env: call.env ?? {},
    cwd: call.cwd ?? "/nowhere",
    stdin: Readable.from(call.input ?? [], { objectMode: false }),
    stdout,
    stderr,
    signal: call.signal ?? new AbortController().signal,
    hide: (secret) => hidden.push(secret),
  });
  return { code, stdout: stdout.text, stderr: stderr.text, hidden };
}
