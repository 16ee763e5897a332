/**
 * The logger: winston with four levels, labels for component and meter, text or JSON output, and an optional file.
 * Secrets are redacted first, at every level.
 *
 * Levels: *error* a meter or sink is down until someone acts; *warn* needs a look; *info* a few lines a day in a
 * healthy run; *debug* details of every telegram.
 */
import type { Writable } from "node:stream";
import { createLogger as createWinston, format, transports } from "winston";
import type { LogConfig } from "../config/options.ts";
import { LogFile } from "./log-file.ts";
import type { LogTail } from "./log-tail.ts";
import { printable, printableJson, printableLines } from "./printable.ts";
import { Redactor } from "./redact.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/** A string, or a function that builds it only if the level is enabled. */
export type LogMessage = string | (() => string);

/** Additional details; any printable values. Errors go under `error`. */
export type LogDetails = Readonly<Record<string, unknown>>;

export interface Logger {
  error(message: LogMessage, details?: LogDetails): void;
  warn(message: LogMessage, details?: LogDetails): void;
  info(message: LogMessage, details?: LogDetails): void;
  debug(message: LogMessage, details?: LogDetails): void;
  /** The same logger with labels: `component` (meter, mqtt, solarview, http …) and `meter` (its id or port). */
  child(labels: { readonly component?: string; readonly meter?: string }): Logger;
}

export interface RootLogger extends Logger {
  /** Adds a secret that became known later (the broker password from the Supervisor). */
  hide(secret: string): void;
  /** Flushes pending output. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogConfig["format"];
  readonly file?: string | undefined;
  readonly secrets?: readonly string[];
  /** Default: standard output. */
  readonly stream?: Writable;
  /** Also keeps the latest lines in memory, for the status page. */
  readonly tail?: LogTail | undefined;
  /** Size at which the file is rotated; for tests. */
  readonly maxFileBytes?: number;
  readonly now?: () => Date;
}

interface Line {
  readonly level: string;
  readonly message: unknown;
  readonly component?: string;
  readonly meter?: string;
  readonly details?: LogDetails;
}

export function createLogger(options: LoggerOptions): RootLogger {
  const { now = () => new Date(), stream = process.stdout } = options;
  const redactor = new Redactor(options.secrets);
  const finish = format.printf((info) => {
    const line = info as unknown as Line;
    options.tail?.add(tailEntry(line, redactor, now()));
    return options.format === "json" ? jsonLine(line, redactor, now()) : textLine(line, redactor, now());
  });
  const winston = createWinston({
    level: options.level,
    levels: { ...LEVELS },
    format: finish,
    transports: [new transports.Stream({ stream: stream as NodeJS.WritableStream })],
  });
  let closing: Promise<void> | null = null;
  const log = (level: LogLevel, labels: object, message: LogMessage, details?: LogDetails) => {
    // Messages after `close`, such as from a socket that closes late, are dropped.
    if (LEVELS[level] > LEVELS[options.level] || closing !== null) return;
    winston.log({ level, message: typeof message === "function" ? message() : message, ...labels, details });
  };
  const withLabels = (labels: object): Logger => ({
    error: (message, details) => log("error", labels, message, details),
    warn: (message, details) => log("warn", labels, message, details),
    info: (message, details) => log("info", labels, message, details),
    debug: (message, details) => log("debug", labels, message, details),
    child: (more) => withLabels({ ...labels, ...more }),
  });
  const root = withLabels({});
  const { file } = options;
  if (file !== undefined) {
    const onState = (error: NodeJS.ErrnoException | null, missing: number) =>
      // Deferred: winston doesn't expect a new line while it is writing one.
      setImmediate(() => {
        if (error === null)
          root.info(`the log file ${file} can be written again; ${missing} lines are missing in it`, {});
        else root.warn(`the log file ${file} cannot be written (${explain(error)}); logging continues here`);
      });
    const more = options.maxFileBytes === undefined ? {} : { maxBytes: options.maxFileBytes };
    winston.add(new transports.Stream({ stream: new LogFile({ file, onState, ...more }) }));
  }
  return {
    ...root,
    hide: (secret) => redactor.add(secret),
    close: () => {
      closing ??= new Promise((resolve) => {
        winston.once("finish", () => setImmediate(resolve));
        winston.end();
      });
      return closing;
    },
  };
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOSPC":
      return "the disk is full";
    case "EACCES":
    case "EPERM":
      return "no permission; give the folder to the user of kaifa2mqtt";
    case "EROFS":
      return "the file system is read-only";
    case "EISDIR":
      return "it is a folder";
    default:
      return error.code ?? error.message;
  }
}

function tailEntry(line: Line, redactor: Redactor, now: Date): Parameters<LogTail["add"]>[0] {
  const { level, component = null, meter = null, details } = line;
  const more = details === undefined ? {} : (redactor.value(details) as object);
  const text = redactor.text(String(line.message));
  const message = Object.keys(more).length === 0 ? text : `${text} ${JSON.stringify(more)}`;
  return { at: now.getTime(), level, component, meter: meter === null ? null : redactor.text(meter), message };
}

function jsonLine(line: Line, redactor: Redactor, now: Date): string {
  const { level, component, meter, details } = line;
  const message = redactor.text(String(line.message));
  const more = details === undefined ? {} : (redactor.value(details) as object);
  return printableJson(JSON.stringify({ time: now.toISOString(), level, component, meter, message, ...more }));
}

/**
 * `2026-11-22 13:05:11 warn  [mqtt] message {"details":1}`, local time. Unsafe characters are escaped, so they can't
 * control the terminal or fake a line.
 */
function textLine(line: Line, redactor: Redactor, now: Date): string {
  const labels = [line.component, line.meter].filter((label) => label !== undefined).join(" ");
  const details = line.details === undefined ? {} : (redactor.value(line.details) as Record<string, unknown>);
  const more = Object.keys(details).length === 0 ? "" : ` ${JSON.stringify(details)}`;
  const text = printableLines(`${redactor.text(String(line.message))}${more}`).replace(/\n/g, "\n    ");
  return `${localTime(now)} ${line.level.padEnd(5)} ${labels === "" ? "" : `[${printable(labels)}] `}${text}`;
}

function localTime(now: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${day} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}
