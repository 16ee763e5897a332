/**
 * The interface of a command: `program.ts` parses the arguments, the command's file does the work. Each of them exports
 * `command(context): Promise<number>`, which returns the exit code (0 success, 1 a failure that was reported, 2 wrong
 * usage, 78 invalid configuration). `program.ts` reports a thrown `ConfigError` or `UsageError`.
 */
import type { Readable, Writable } from "node:stream";

/** The flags of all commands; command-table.ts says which command takes which. */
export interface CommandOptions {
  /** `--config FILE` */
  readonly config?: string;
  /** `--log-level LEVEL`; checked like `log.level`. */
  readonly logLevel?: string;
  /** `--json` (check, decode, doctor) */
  readonly json?: boolean;
  /** `--key HEX`, as typed (decode, doctor) */
  readonly key?: string;
  /** `--auth-key HEX`, as typed (decode, doctor) */
  readonly authKey?: string;
  /** `--accept` (decode) */
  readonly accept?: boolean;
  /** `--port PORT` (doctor, simulate) */
  readonly port?: string;
  /** `--layout NAME` (simulate) */
  readonly layout?: string;
  /** `--interval SECONDS` (simulate, demo) */
  readonly interval?: string;
  /** `--wait` (health) */
  readonly wait?: boolean;
  /** Further flags of single commands, under commander's camel-case names. */
  readonly [flag: string]: unknown;
}

export interface CommandContext {
  /** Positional arguments after the name of the command. */
  readonly args: readonly string[];
  readonly options: CommandOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted by SIGINT or SIGTERM: the command then ends within 5 s and returns 0. */
  readonly signal: AbortSignal;
  /** Registers a secret, so that an uncaught error cannot print it. */
  readonly hide: (secret: string) => void;
}

export type Command = (context: CommandContext) => Promise<number>;

/** Wrong use of the command line: the message is printed and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
