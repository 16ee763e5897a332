/**
 * THE table of commands: the source of `--help`, the man page and the shell completion (scripts/manual.mjs). To add a
 * command, add a row here and a file in this folder, which is imported only when the command is run.
 */
import { Option } from "commander";
import { runSmall } from "../process/v8-flags.ts";
import type { CommandContext } from "./command.ts";

export const SUMMARY =
  "Smart-meter bridge: reads the telegrams of Kaifa and other meters, publishes to MQTT and Home Assistant.";
export const EXIT_CODES = "0 success or stopped, 1 failure, 2 wrong usage, 78 invalid configuration.";

/** Options of every command. */
export const globalOptions = (): Option[] => [
  new Option("-c, --config <file>", "configuration file (YAML, or kaifareader's meter.json)"),
  new Option("--log-level <level>", "log level").choices(["error", "warn", "info", "debug"]),
];

type Run = (context: CommandContext) => Promise<number>;

export interface CommandRow {
  readonly name: string;
  /** Positional arguments in commander's notation. */
  readonly args?: string;
  readonly summary: string;
  readonly options?: readonly Option[];
  readonly load: () => Promise<{ readonly command: Run }>;
}

const KEY = [
  new Option("--key <hex>", "encryption key (GUEK), 32 hex digits"),
  new Option("--auth-key <hex>", "authentication key (GAK), 32 hex digits"),
];
const METER = new Option("--meter <id>", "the meter, if several have a ledger");
const JSON_OUTPUT = new Option("--json", "print JSON for programs");

export const COMMANDS: readonly CommandRow[] = [
  {
    name: "run",
    summary: "run the bridge (also without a command)",
    load: () => {
      runSmall();
      return import("./run.ts");
    },
  },
  {
    name: "check",
    summary: "print the effective configuration, secrets masked, and where each value comes from",
    options: [JSON_OUTPUT],
    load: () => import("./check.ts"),
  },
  {
    name: "decode",
    args: "[files...]",
    summary: "decode captured bytes (hex text or binary) from files or standard input",
    options: [
      ...KEY,
      new Option("--json", "print one JSON object per line"),
      new Option("--accept", "judge the sequence as `run` does before it publishes"),
    ],
    load: () => import("./decode.ts"),
  },
  {
    name: "doctor",
    args: "[port]",
    summary: "listen on the port, test the broker, and report what is wrong and what to do",
    options: [
      new Option("--port <port>", "port instead of the configured one, like the argument"),
      ...KEY,
      JSON_OUTPUT,
    ],
    load: () => import("./doctor.ts"),
  },
  {
    name: "simulate",
    args: "[target]",
    summary: "play a meter on a PTY (default), a serial port or tcp-listen:HOST:PORT",
    options: [
      new Option("--layout <name>", "the grid operator's format; a wrong name lists all"),
      new Option("--port <target>", "the target, like the argument"),
      ...KEY,
      new Option("--interval <seconds>", "seconds between telegrams (default: that of the layout)"),
      new Option("--count <number>", "stop after this many telegrams"),
      new Option("--search-interval <seconds>", "layout amis: seconds between searches for a reader"),
      new Option("--speed <factor>", "speed of the meter's clock, such as 60 for a minute per second"),
      new Option("--baud-rate <baud>", "baud rate to send at; 0: no pacing"),
      new Option("--seed <number>", "selects another load profile and meter number"),
      new Option("--faults <list>", "faults on the line; a wrong name lists all"),
      new Option("--fault-rate <share>", "share of telegrams with a fault, 0 to 1"),
    ],
    load: () => import("./simulate.ts"),
  },
  {
    name: "demo",
    summary: "everything without hardware: simulated meter, broker, bridge, status page",
    options: [
      new Option("--interval <seconds>", "seconds between telegrams (default: 2)"),
      new Option("--layout <name>", "telegram format of this grid operator (see simulate)"),
      new Option("--count <readings>", "stop after this many readings"),
      new Option("--duration <seconds>", "stop after this time"),
    ],
    load: () => import("./demo.ts"),
  },
  {
    name: "health",
    summary: "exit 0 if the running bridge is healthy, else 1 and a line saying why",
    options: [new Option("--wait", "in the first minute after the start, wait for a first telegram or diagnosis")],
    load: () => import("./health.ts"),
  },
  {
    name: "forget",
    args: "<id>",
    summary: "remove a former meter from the broker and from data_dir",
    load: () => import("./forget.ts"),
  },
  {
    name: "migrate",
    args: "<meter.json>",
    summary: "print the kaifa2mqtt.yaml that is equivalent to kaifareader's meter.json",
    load: () => import("./migrate.ts"),
  },
  {
    name: "export",
    summary: "print the ledger of quarter hours as CSV",
    options: [
      new Option("--from <time>", "start, a date or time such as 2026-03-01 or 2026-03-01T10:00"),
      new Option("--to <time>", "end (exclusive), likewise"),
      new Option("--step <step>", "interval of a row").choices(["quarter", "hour", "day", "month"]),
      METER,
      new Option("--json", "print one JSON object per line"),
    ],
    load: () => import("./export.ts"),
  },
  {
    name: "backfill",
    summary:
      "list hours missing in Home Assistant's energy statistics that the ledger has; exit 1 if some cannot be filled",
    options: [
      new Option("--apply", "write them"),
      new Option("--from <time>", "start, a date or time such as 2026-03-01 or 2026-03-01T10:00"),
      new Option("--to <time>", "end (exclusive), likewise"),
      new Option("--meter <id>", "only this meter"),
      new Option("--undo", "list what was written, and how to remove it again"),
      JSON_OUTPUT,
    ],
    load: () => import("./backfill.ts"),
  },
  {
    name: "compare",
    args: "<file>",
    summary: "compare a grid operator's CSV of quarter hours with the ledger; exit 1 if they differ",
    options: [
      new Option("--tolerance <wh>", "differences up to this many Wh are ignored (default: 1)"),
      METER,
      JSON_OUTPUT,
    ],
    load: () => import("./compare.ts"),
  },
];
