/**
 * The process: arguments, signals, exit codes. Each command is a file in `src/commands/`, loaded on demand, so that
 * `run` and `health` load only what they use.
 */
import { Command, CommanderError } from "commander";
import { type CommandOptions, UsageError } from "./commands/command.ts";
import { COMMANDS, type CommandRow, EXIT_CODES, globalOptions, SUMMARY } from "./commands/command-table.ts";
import { printableLines } from "./log/printable.ts";
import { mask, maskKeys, Redactor } from "./log/redact.ts";
import { dropPrivileges } from "./process/drop-privileges.ts";
import { VERSION } from "./version.ts";

/** Exit codes as specified in product.md. */
const EXIT = { ok: 0, failure: 1, usage: 2, config: 78 } as const;
/** Upper limit for stopping; product.md promises 5 s. */
const STOP_MS = 4_500;
/** A signal to the process and one to its group count as one; only a later signal ends the process immediately. */
const SAME_SIGNAL_MS = 500;

const redactor = new Redactor();
const stopping = new AbortController();
let stoppingSince = 0;

function print(text: string): void {
  process.stderr.write(`${printableLines(redactor.text(text))}\n`);
}

/** Ends the process after flushing its output. */
function exit(code: number): void {
  process.exitCode = code;
  let pending = 2;
  const done = () => {
    pending -= 1;
    if (pending === 0) process.exit(code);
  };
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writable) stream.write("", done);
    else done();
  }
}

function onSignal(signal: NodeJS.Signals): void {
  if (stopping.signal.aborted) {
    if (performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
    print(`kaifa2mqtt: ${signal} a second time: stopping at once`);
    process.exit(EXIT.failure);
  }
  stoppingSince = performance.now();
  stopping.abort();
  setTimeout(() => {
    print("kaifa2mqtt: not everything could be stopped in time");
    process.exit(EXIT.ok);
  }, STOP_MS).unref();
}

function onBug(error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  print(`kaifa2mqtt ${VERSION}: internal error, please report it:\n${maskKeys(stack)}`);
  process.exit(EXIT.failure);
}

/** A closed pipe (`decode … | head`) ends a command, but not the bridge; a full disk is a failure. */
function onOutputError(name: string): (error: NodeJS.ErrnoException) => void {
  return ({ code }) => {
    if (name === "run") return;
    if (code !== "EPIPE") print(`error: the output cannot be written (${code})`);
    process.exit(code === "EPIPE" ? EXIT.ok : EXIT.failure);
  };
}

async function execute(row: CommandRow, args: readonly string[], options: CommandOptions): Promise<void> {
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.stdout.on("error", onOutputError(row.name));
  process.stderr.on("error", () => undefined);
  // An operation interrupted by a stop isn't a failure.
  const stopped = (code: number) => (stopping.signal.aborted && code !== EXIT.config ? EXIT.ok : code);
  for (const secret of [options.key, options.authKey]) if (secret !== undefined) redactor.add(secret);
  try {
    const { command } = await row.load();
    const { env, stdout, stderr } = process;
    const hide = (secret: string) => redactor.add(secret);
    const context = {
      args,
      options,
      env,
      cwd: process.cwd(),
      stdout,
      stderr,
      signal: stopping.signal,
      hide,
      // Node builds this stream when it is first asked for, and few commands read it.
      get stdin() {
        return process.stdin;
      },
    };
    exit(stopped(await command(context)));
  } catch (error) {
    if (error instanceof UsageError) {
      print(`error: ${maskKeys(error.message)}`);
      exit(EXIT.usage);
    } else if (error instanceof Error && error.name === "ConfigError") {
      print(error.message);
      exit(EXIT.config);
    } else if (stopping.signal.aborted && error instanceof Error && error.name === "AbortError") {
      exit(EXIT.ok);
    } else {
      onBug(error);
    }
  }
}

function program(): Command {
  const root = new Command("kaifa2mqtt")
    .description(SUMMARY)
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "explain the commands, or one of them")
    .addHelpText("after", `\nExit codes: ${EXIT_CODES}`)
    .configureOutput({ outputError: (text, write) => write(maskArguments(text)) })
    .exitOverride();
  for (const option of globalOptions()) root.addOption(option);
  const isDefault = (row: CommandRow) => row.name === "run";
  for (const row of COMMANDS) {
    const command = root
      .command(row.name, { isDefault: isDefault(row) })
      .description(row.summary)
      .exitOverride();
    // A mistyped command looks like an excess argument of `run`; it is reported as an unknown command below.
    if (isDefault(row)) command.allowExcessArguments(true);
    else if (row.args !== undefined) command.arguments(row.args);
    for (const option of row.options ?? []) command.addOption(option);
    command.action(async () => {
      if (isDefault(row) && command.args.length > 0) throw unknownCommand(command.args[0] ?? "");
      await execute(row, command.args, command.optsWithGlobals());
    });
  }
  return root;
}

/** Arguments quoted by commander may be keys or logins. */
function maskArguments(text: string): string {
  return printableLines(text.replace(/'([^']*)'/g, (_, argument: string) => `'${mask(argument)}'`));
}

function unknownCommand(name: string): UsageError {
  const names = COMMANDS.map((row) => row.name);
  return new UsageError(`unknown command '${mask(name)}'; there are ${names.join(", ")} (kaifa2mqtt --help)`);
}

async function main(): Promise<void> {
  // A library uses url.parse(); users can't do anything about Node 24's warning.
  process.noDeprecation = true;
  process.on("uncaughtException", onBug);
  process.on("unhandledRejection", onBug);
  const trouble = dropPrivileges();
  if (trouble !== null) print(trouble);
  try {
    await program().parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) return exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
    if (!(error instanceof UsageError)) throw error;
    print(`error: ${maskKeys(error.message)}`);
    exit(EXIT.usage);
  }
}

await main();
