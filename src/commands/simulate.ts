/**
 * `simulate [TARGET]`: plays a meter. The target, an argument or `--port`:
 *
 *     pty, or a path that does not exist   a PTY (with a link of that name), at line rate
 *     /dev/ttyUSB1                         a serial device, at its line rate
 *     tcp-listen:HOST:PORT                 a server that sends each telegram to every client
 *     -                                    standard output
 */
import { describeWrongKey, keyBytes } from "../config/hex-key.ts";
import { mask } from "../log/redact.ts";
import { AmisMaster, SEARCH_INTERVAL_MS } from "../sources/amis-master.ts";
import { LINE_FAULTS, parseLineFaults } from "../sources/line-faults.ts";
import { seededRandom } from "../sources/load-profile.ts";
import { SimulatedMeter } from "../sources/simulated-meter.ts";
import { sleep } from "../sources/wait.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { openTarget, type Target, within } from "./simulate-target.ts";

/** Start bit, eight data bits, parity, stop bit. */
const BITS_OF_A_BYTE = 11;
const FAULT_RATE = 0.2;
/** A line that accepts nothing for this long will not take the telegram. */
const READY_MS = 1_000;

export async function command(context: CommandContext): Promise<number> {
  const { options, signal, stdout, stderr } = context;
  const number = (name: string, least: number, fallback: number): number => {
    const text = options[name];
    if (text === undefined) return fallback;
    const value = Number(text);
    if (text === "" || !Number.isFinite(value) || value < least) {
      throw new UsageError(`--${name}: expected a number, ${least} or more`);
    }
    return value;
  };
  const meter = usable(
    () =>
      new SimulatedMeter({
        layout: options.layout,
        key: keyOf(options.key, context.hide),
        authenticationKey: keyOf(options.authKey, context.hide),
        seed: number("seed", 0, 1),
        start: Date.now(),
      }),
  );
  const interval = number("interval", 0, meter.layout.periodS) * 1000;
  const searchMs = number("searchInterval", 0.1, SEARCH_INTERVAL_MS / 1000) * 1000;
  const count = number("count", 1, Number.POSITIVE_INFINITY);
  const speed = number("speed", 0, 1);
  const faults = usable(() => (options.faults === undefined ? [] : parseLineFaults(String(options.faults))));
  const faultRate = number("faultRate", 0, FAULT_RATE);
  const baudRate = number("baudRate", 0, meter.layout.baudRate);
  const random = seededRandom(number("seed", 0, 1) + 1);

  const name = context.args[0] ?? options.port ?? "pty";
  let target: Target;
  try {
    target = await openTarget(name, baudRate || meter.layout.baudRate, stdout, signal);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    stderr.write(
      `${mask(name)}: ${error instanceof Error ? error.message.replaceAll(name, mask(name)) : String(error)}\n`,
    );
    return 1;
  }
  const say = name === "-" ? stderr : stdout;
  say.write(`${meter.layout.name} (${meter.layout.about}) on ${target.where}, every ${interval / 1000} s\n`);

  const end = new AbortController();
  const stop = (): void => end.abort();
  signal.addEventListener("abort", stop, { once: true });
  let broken: string | null = null;
  void target.gone.then((why) => {
    broken = why;
    stop();
  });
  const startWall = Date.now();
  const start = performance.now();
  const byteMs = target.pace && baudRate > 0 ? (BITS_OF_A_BYTE * 1000) / baudRate : 0;
  const telegram = (): Uint8Array => {
    const bytes = meter.telegram(startWall + (performance.now() - start) * speed);
    const kind = faults[Math.floor(random() * faults.length)];
    return kind !== undefined && random() < faultRate ? LINE_FAULTS[kind](bytes, random) : bytes;
  };
  let leftOut = 0;
  const send = async (bytes: Uint8Array): Promise<void> => {
    if (await within(READY_MS, () => target.ready() || end.signal.aborted)) {
      return writeAtPace(target, bytes, byteMs, end.signal);
    }
    leftOut += 1;
    if (leftOut === 1) {
      stderr.write(`${mask(name)} accepts no more bytes: whole telegrams are skipped until it does\n`);
    }
  };
  if (meter.layout.wantsAnswer === true) {
    const master = new AmisMaster({ searchMs, intervalMs: interval });
    await playMaster({ master, target, count, telegram, send, signal: end.signal, say: (line) => say.write(line) });
  } else {
    for (let sent = 0; sent < count && !end.signal.aborted; sent++) {
      await sleep(start + sent * interval - performance.now(), end.signal);
      if (!end.signal.aborted) await send(telegram());
    }
  }
  signal.removeEventListener("abort", stop);
  const whole = end.signal.aborted || (await target.flush());
  await target.close();
  if (leftOut > 0) {
    stderr.write(`${mask(name)}: ${leftOut} telegrams were skipped: is anything reading, and no flow control on?\n`);
  }
  if (!whole) {
    stderr.write(`${mask(name)}: not all bytes could be sent: nothing takes them\n`);
    return 1;
  }
  if (broken !== null && !signal.aborted) {
    stderr.write(`${mask(name)}: ${broken}\n`);
    return 1;
  }
  return 0;
}

interface Play {
  readonly master: AmisMaster;
  readonly target: Target;
  /** Number of telegrams to send. */
  readonly count: number;
  readonly telegram: () => Uint8Array;
  readonly send: (bytes: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** A meter that searches for a reader and sends only while it is answered. */
async function playMaster({ master, target, count, telegram, send, signal, say }: Play): Promise<void> {
  let wake = new AbortController();
  target.listen((bytes) => {
    master.heard(bytes, performance.now());
    wake.abort();
  });
  let wasSending = false;
  for (let sent = 0; sent < count && !signal.aborted; ) {
    await sleep(master.dueAt - performance.now(), AbortSignal.any([signal, wake.signal]));
    wake = new AbortController();
    if (signal.aborted) return;
    if (performance.now() < master.dueAt) continue;
    const bytes = master.next(performance.now(), telegram);
    if (master.sending !== wasSending) say(master.sending ? "a reader answers: sending\n" : "no answer: searching\n");
    wasSending = master.sending;
    await send(bytes);
    // The response time starts at the last byte.
    master.sent(performance.now());
    if (master.sending) sent++;
  }
}

/** Sends bytes at the pace of the line. */
async function writeAtPace(target: Target, bytes: Uint8Array, byteMs: number, signal: AbortSignal): Promise<void> {
  if (byteMs === 0) return target.write(bytes);
  const begun = performance.now();
  for (let written = 0; written < bytes.length && !signal.aborted; ) {
    await sleep(begun + (written + 1) * byteMs - performance.now(), signal);
    const due = Math.min(bytes.length, Math.max(written + 1, Math.floor((performance.now() - begun) / byteMs)));
    target.write(bytes.subarray(written, due));
    written = due;
  }
}

function keyOf(text: string | undefined, hide: (secret: string) => void): Uint8Array | undefined {
  if (text === undefined) return undefined;
  hide(text);
  const bytes = keyBytes(text);
  if (bytes === null) throw new UsageError(`the key: expected 32 hex digits, found ${describeWrongKey(text)}`);
  return bytes;
}

/** Turns an invalid argument into a UsageError. */
function usable<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
