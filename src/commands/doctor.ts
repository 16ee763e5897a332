/**
 * `doctor`: listens on the port and reports in plain words what it receives, what that means and what to do, in at most
 * ten lines, plus a template for telegrams that match no list. `--json` prints the same for programs. Exit 0 if all is
 * well, else 1.
 */

import { keyIdOf } from "../acceptance/key-id.ts";
import { ReplayGuard } from "../acceptance/replay-guard.ts";
import { readStateFile } from "../acceptance/state-file.ts";
import type { Telegram } from "../codec/telegram.ts";
import { deploymentOf, portAsTyped } from "../config/derive-defaults.ts";
import { describeWrongKey, keyBytes } from "../config/hex-key.ts";
import type { Config, MeterConfig } from "../config/options.ts";
import { wrongPort } from "../config/port-hint.ts";
import { formatLine } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { sourceKind } from "../diagnosis/observer.ts";
import { printableJson, printableLines } from "../log/printable.ts";
import { mask } from "../log/redact.ts";
import { openSource, type SourceKeys } from "../sources/open-source.ts";
import { portUsers, predecessorService } from "../sources/port-users.ts";
import { listSerialDevices, type SerialDevice } from "../sources/serial-devices.ts";
import { type LineSettings, SourceError } from "../sources/source.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { examineBroker } from "./doctor-broker.ts";
import { conclude } from "./doctor-conclusion.ts";
import { type Hearing, listenAround, usualLines } from "./doctor-listen.ts";
import { type Finding, forPeople, forPrograms, isWell } from "./doctor-output.ts";
import { readSettings } from "./settings.ts";

export async function command(called: CommandContext): Promise<number> {
  const context = withPort(called);
  const { options, stdout, signal } = context;
  const devices = await listSerialDevices();
  const [likely, ...others] = devices.filter((device) => device.likely);
  const only = likely !== undefined && others.length === 0 ? (likely.byId ?? likely.path) : undefined;
  const meter = await configuredMeter(context, options.port ?? only);
  const port = options.port ?? meter?.port ?? only;
  const keys = {
    lists: meter?.lists,
    key: keyOf(options.key ?? meter?.key, "--key"),
    authenticationKey: keyOf(options.authKey ?? meter?.authentication_key, "--auth-key"),
  };
  const broker = examineBroker(context, port);
  const heard =
    port === undefined
      ? { diagnosis: noPort(devices), port: null, hearings: [], users: [] }
      : await examine(context, port, meter, keys);
  const finding = { ...heard, devices, broker: await broker };
  if (signal.aborted) return 0;
  const print = options.json === true ? [JSON.stringify(forPrograms(finding))] : forPeople(finding);
  const text = port === undefined ? print.join("\n") : print.join("\n").replaceAll(port, mask(port));
  stdout.write(`${options.json === true ? printableJson(text) : printableLines(text)}\n`);
  return isWell(finding) ? 0 : 1;
}

/** The port from the argument or from `--port`. */
function withPort(context: CommandContext): CommandContext {
  const port = context.args[0] ?? context.options.port;
  if (port === undefined) return context;
  const wrong = wrongPort(port);
  if (wrong !== null) throw new UsageError(`--port: found ${wrong}`);
  return { ...context, options: { ...context.options, port } };
}

/** A meter of the configuration; `complete`: the bridge could run with it, so that wrong line settings are a fault. */
type Configured = MeterConfig & {
  readonly complete: boolean;
  readonly dataDir: string;
  readonly lists: Config["lists"];
};

/**
 * The configured meter on this port, else the first; `null` if there is no configuration. If a port was given, the
 * configuration need not name one: the environment may contain only the key.
 */
async function configuredMeter(context: CommandContext, port: string | undefined): Promise<Configured | null> {
  const pick = ({ config }: Awaited<ReturnType<typeof readSettings>>, complete: boolean): Configured | null => {
    const meter = config.meters.find((each) => each.port === port) ?? config.meters[0];
    return meter === undefined ? null : { ...meter, complete, dataDir: config.data_dir, lists: config.lists };
  };
  try {
    return pick(await readSettings(context), true);
  } catch (error) {
    const given = context.options.port !== undefined;
    // Report a configuration that was named or is broken; with a port on the command line none is needed.
    if (context.options.config !== undefined || !(given || isPortMissing(error))) throw error;
  }
  if (port === undefined) return null;
  const flags = [{ path: ["meters", 0, "port"], value: port, flag: "--port" }];
  return readSettings(context, flags).then(
    (loaded) => pick(loaded, false),
    () => null,
  );
}

/** Whether the only fault is that no port is configured, or that there is no configuration. */
function isPortMissing(error: unknown): boolean {
  const faults = (error as { faults?: readonly { path: string }[] }).faults ?? [];
  return faults.length > 0 && faults.every(({ path }) => path === "" || path === "meter" || /\bport$/.test(path));
}

function keyOf(text: string | undefined, flag: string): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = keyBytes(text);
  if (key === null) throw new UsageError(`${flag}: expected 32 hex digits, found ${describeWrongKey(text)}`);
  return key;
}

async function examine(
  context: CommandContext,
  port: string,
  meter: Configured | null,
  keys: SourceKeys,
): Promise<Omit<Finding, "devices" | "broker">> {
  const { options, stderr, signal } = context;
  const configured = linesOf(meter);
  const terminal = (stderr as Partial<NodeJS.WriteStream>).isTTY === true;
  let shown = "";
  const progress = (line: LineSettings | null, elapsedMs: number, bytes: number): void => {
    const where = `listening at ${mask(port)}${line === null ? "" : `, ${formatLine(line)}`}`;
    if (terminal) stderr.write(`\r\x1b[K${where}: ${Math.floor(elapsedMs / 1000)} s, ${bytes} bytes`);
    else if (options.logLevel === "debug" && shown !== where) stderr.write(`${where}\n`);
    shown = where;
  };
  let hearings: Hearing[];
  try {
    const source = openSource(port, keys);
    const remembered = meter === null ? {} : readStateFile(meter.dataDir);
    const guard = new ReplayGuard({ keyId: keyIdOf(keys.key), source: port }, remembered);
    const refuses = (telegram: Telegram) => guard.check(telegram);
    const label = portAsTyped(source.label, context.env.DEVICE_ON_HOST);
    const where = { source, port, label, deployment: deploymentOf(context.env) };
    hearings = await listenAround({ ...where, keys, lines: usualLines(configured), signal, progress, refuses });
  } catch (error) {
    if (error instanceof SourceError && error.code === "unsupported") {
      throw new UsageError(error.message.replaceAll(port, mask(port)));
    }
    throw error;
  } finally {
    if (terminal) stderr.write("\r\x1b[K");
  }
  const predecessor = await predecessorService();
  const users =
    sourceKind(port) === "serial" ? [...(await portUsers(port)), ...(predecessor === null ? [] : [predecessor])] : [];
  return { port, hearings, diagnosis: conclude(hearings, meter?.complete === true, configured), users };
}

/** The line settings that the bridge would use; those of `parity: auto` without a configuration. */
function linesOf(meter: MeterConfig | null): LineSettings[] {
  const { baud_rate = 2400, data_bits = 8, parity = "auto", stop_bits = 1 } = meter ?? {};
  return (parity === "auto" ? (["even", "none"] as const) : [parity]).map((each) => ({
    baudRate: baud_rate,
    dataBits: data_bits as LineSettings["dataBits"],
    parity: each,
    stopBits: stop_bits as LineSettings["stopBits"],
  }));
}

function noPort(devices: readonly SerialDevice[]): Diagnosis {
  const text =
    devices.length === 0
      ? "There is no serial device, and no port was given."
      : "No port was given, and there are several devices.";
  const cure =
    devices.length === 0
      ? "Plug the adapter in (in a container or VM: pass it through), or give --port tcp://HOST:PORT."
      : "Run `kaifa2mqtt doctor --port …` with one of these devices.";
  return { code: "no-device", text: { en: text, de: text }, cure: { en: cure, de: cure } };
}
