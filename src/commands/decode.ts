/**
 * `kaifa2mqtt decode [FILE…|-]`: captured bytes to readings, as a table or as NDJSON. Streaming: memory does not grow with
 * the size of the input.
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { createAcceptance, limitsOf } from "../acceptance/acceptance.ts";
import type { AcceptanceOptions, Verdict } from "../acceptance/verdict.ts";
import { createDecoder } from "../codec/decoder.ts";
import type { DecoderEvent, DecoderOptions } from "../codec/decoder-event.ts";
import { ListSamples } from "../codec/lists/list-samples.ts";
import type { Telegram } from "../codec/telegram.ts";
import { ConfigError } from "../config/config-error.ts";
import { describeWrongKey, keyBytes } from "../config/hex-key.ts";
import type { Config } from "../config/options.ts";
import { fileLabel } from "../config/read-text.ts";
import { CaptureReader } from "../sources/capture-stream.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { faultToJson, faultToText, telegramToJson, telegramToText } from "./decode-output.ts";
import { readSettings } from "./settings.ts";

/** Exit code 1 if there was any fault, or no reading. */
export async function command(context: CommandContext): Promise<number> {
  const { args, stderr, stdin, cwd, options } = context;
  const { keys, limits } = await settings(context);
  const names = args.length === 0 ? ["-"] : args;
  let failed = false;
  for (const name of names) {
    if (context.signal.aborted) break;
    if (names.length > 1 && options.json !== true) await write(context, `== ${fileLabel(resolve(cwd, name), name)}\n`);
    const input = name === "-" ? stdin : createReadStream(resolve(cwd, name));
    try {
      const stream = new DecodeStream(context, keys, limits);
      failed = (await stream.run(input)) || failed;
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (syscall === undefined) throw error;
      stderr.write(`error: ${fileLabel(resolve(cwd, name), name)} cannot be read (${WHY[code ?? ""] ?? code})\n`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "no permission",
  EISDIR: "it is a folder",
};

interface Settings {
  readonly keys: DecoderOptions;
  /** W, `plausibility.max_power` */
  readonly limits: AcceptanceOptions;
}

/** Keys from the command line, else from the configuration; nothing else in it is used. */
async function settings(context: CommandContext): Promise<Settings> {
  const { options } = context;
  const key = keyFrom(options.key, "--key");
  const authenticationKey = keyFrom(options.authKey, "--auth-key");
  let config: Config | null = null;
  try {
    const port = { path: ["meters", 0, "port"], value: "file:capture", flag: "decode" };
    config = (await readSettings(context, [port])).config;
  } catch (error) {
    if (!(error instanceof ConfigError) || options.config !== undefined) throw error;
    // If a key was given, a broken or unreadable configuration that was not named does not matter.
    if (key === undefined && error.faults.some(({ path }) => path !== "")) throw error;
    if (key === undefined) context.stderr.write(`note: no keys from the configuration. ${error.message}\n`);
  }
  const meter = config?.meters[0];
  const keys = {
    lists: config?.lists,
    key: key ?? (meter?.key === undefined ? undefined : (keyBytes(meter.key) ?? undefined)),
    // Never combine keys of two sources: no meter has that pair.
    authenticationKey:
      authenticationKey ??
      (key !== undefined || meter?.authentication_key === undefined
        ? undefined
        : (keyBytes(meter.authentication_key) ?? undefined)),
  };
  return { keys, limits: config === null ? {} : limitsOf(config.plausibility) };
}

function keyFrom(text: string | undefined, flag: string): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const bytes = keyBytes(text);
  if (bytes === null) throw new UsageError(`${flag}: found ${describeWrongKey(text)}; allowed: 32 hex digits`);
  return bytes;
}

/** Waits for a slow reader (back-pressure). */
async function write({ stdout }: CommandContext, text: string): Promise<void> {
  if (text !== "" && !stdout.write(text)) await once(stdout, "drain");
}

const TEMPLATE_HEAD =
  "Telegrams of this meter match no known list. A template for the configuration, to be completed\n" +
  "(docs/lists.md); nothing is read by its comments:";

/** Decodes one input. */
class DecodeStream {
  readonly #context: CommandContext;
  readonly #decoder;
  readonly #acceptance;
  readonly #json: boolean;
  /** Offsets of telegrams that acceptance still holds, by number. */
  readonly #offsets = new Map<number, number>();
  readonly #unknown = new ListSamples();
  #bytes = 0;
  #telegrams = 0;
  #readings = 0;
  #faults = 0;
  #out = "";

  constructor(context: CommandContext, keys: DecoderOptions, limits: AcceptanceOptions) {
    this.#context = context;
    this.#json = context.options.json === true;
    this.#decoder = createDecoder(keys);
    this.#acceptance = context.options.accept === true ? createAcceptance({ ...limits, timing: "meter" }) : null;
  }

  /** @returns whether there was a fault, or no reading at all */
  async run(input: Readable): Promise<boolean> {
    const reader = new CaptureReader();
    addAbortSignal(this.#context.signal, input);
    for await (const chunk of input) {
      this.#take(reader, reader.push(chunk as Uint8Array));
      await this.#flush();
    }
    this.#take(reader, reader.end());
    this.#handle(this.#decoder.end());
    this.#judge(this.#acceptance?.expire(Number.POSITIVE_INFINITY) ?? []);
    if (this.#readings === 0 && this.#faults === 0) {
      const message = this.#bytes === 0 ? "the input is empty" : `no telegram in ${this.#bytes} bytes`;
      this.#fault("framing", message, 0);
    }
    const template = this.#unknown.template();
    if (template !== "" && !this.#json) this.#out += `${TEMPLATE_HEAD}\n\n${template}\n`;
    await this.#flush();
    return this.#faults > 0 || this.#readings === 0;
  }

  #take(reader: CaptureReader, bytes: Uint8Array): void {
    for (const { line, offset } of reader.takeProblems()) {
      this.#fault("framing", `line ${line} of the hex text contains something other than hex digits`, offset);
    }
    if (bytes.length === 0) return;
    this.#bytes += bytes.length;
    this.#handle(this.#decoder.feed(bytes));
  }

  #handle(events: readonly DecoderEvent[]): void {
    for (const event of events) {
      if (event.type === "fault" && event.positions !== undefined) this.#unknown.add(event.positions);
      if (event.type === "fault") this.#fault(event.code, event.message, event.offset);
      if (event.type === "telegram") this.#telegram(event.telegram, event.offset);
    }
  }

  #telegram(telegram: Telegram, offset: number): void {
    this.#telegrams += 1;
    if (this.#acceptance === null) {
      this.#reading(telegram, offset);
      return;
    }
    // The time of arrival is unknown in a capture, so the telegram's number takes its place to match the verdict.
    this.#offsets.set(this.#telegrams, offset);
    this.#judge(this.#acceptance.judge(telegram, this.#telegrams));
  }

  #judge(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      // Held: the bridge publishes only its instantaneous values until the decision.
      if (verdict.type === "provisional") continue;
      const offset = this.#offsets.get(verdict.at) ?? 0;
      this.#offsets.delete(verdict.at);
      if (verdict.type === "accepted") this.#reading(verdict.telegram, offset);
      else this.#fault("implausible", `${verdict.check}: ${verdict.reason}`, offset);
    }
  }

  #reading(telegram: Telegram, offset: number): void {
    this.#readings += 1;
    this.#out += this.#json ? telegramToJson(telegram) : telegramToText(telegram, this.#readings, offset);
  }

  #fault(code: string, message: string, offset: number): void {
    this.#faults += 1;
    this.#out += this.#json ? faultToJson(code, message, offset) : faultToText(code, message, offset);
  }

  async #flush(): Promise<void> {
    const text = this.#out;
    this.#out = "";
    await write(this.#context, text);
  }
}
