/**
 * Fuzz targets for external input, one function each: bytes from the wire, MQTT messages, configuration files, the
 * state file. Each throws if the code crashes, returns something unbounded, or does not recover. Used by the tests (corpus and
 * random inputs) and by scripts/fuzz.mjs (guided by coverage). The codec's own targets are in codec-targets.ts.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import { STATE_FILE, StateFile } from "../../src/acceptance/state-file.ts";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { Decoder, DecoderEvent, DecoderOptions } from "../../src/codec/decoder-event.ts";
import {
  encodeDataNotification,
  encodeGeneralCiphering,
  encodeHdlcFrame,
  encodeMbusFrames,
} from "../../src/codec/index.ts";
import { encodeP1 } from "../../src/codec/link/p1-telegram.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load.ts";
import { MeterIdentity } from "../../src/meter/identity.ts";
import { DiscoveryOwnership } from "../../src/sinks/mqtt/discovery/discovery-ownership.ts";
import { StaleDiscovery } from "../../src/sinks/mqtt/discovery/stale-discovery.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { CODEC_TARGETS } from "./codec-targets.ts";
import { fuzzHomewizard, fuzzModbus, fuzzShelly } from "./output-targets.ts";

const KEY = Buffer.from("000102030405060708090A0B0C0D0E0F", "hex");
const TITLE = Buffer.from("4B464D6550000009", "hex");
const LLC = Buffer.from("E6E700", "hex");
/** The decoder must not want more bytes than this. */
const WANTED_CAP = 16_384;
const MEMORY_CAP = 200_000;

const good = new SimulatedMeter({ key: KEY, start: Date.UTC(2026, 0, 1) }).telegram(Date.UTC(2026, 0, 1, 0, 0, 5));

const must = (fact: boolean, what: string): void => {
  if (!fact) throw new Error(what);
};

/** The first byte says how the rest is wrapped, so that checksums and ciphering do not block the fuzzer. */
function onTheWire(input: Uint8Array): Uint8Array {
  const [mode = 0] = input;
  const rest = input.subarray(1);
  if (rest.length === 0) return rest;
  const options = { key: KEY, systemTitle: TITLE, invocationCounter: 7 };
  switch (mode % 6) {
    case 1:
      return Buffer.concat(encodeMbusFrames(encodeGeneralCiphering(rest, options)));
    case 2:
      return encodeHdlcFrame(Buffer.concat([LLC, rest.subarray(0, 1_900)]));
    case 3: {
      const [head = "/", ...lines] = Buffer.from(rest).toString("latin1").split("\n");
      return encodeP1(
        `/${head.replace(/[/!\r]/g, "")}`,
        lines.map((line) => line.replace(/[/!\r]/g, "")),
      );
    }
    case 4:
      return Buffer.concat(encodeMbusFrames(rest));
    case 5:
      return Buffer.concat([encodeDataNotification({ tag: "octetString", bytes: rest }, {})]);
    default:
      return rest;
  }
}

/** Feeds in chunks of lengths derived from the bytes, so that the same input is always cut the same way. */
function feed(decoder: Decoder, bytes: Uint8Array): DecoderEvent[] {
  const events: DecoderEvent[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = 1 + (((bytes[at] ?? 0) * 7 + turn * 13) % 97);
    events.push(...decoder.feed(bytes.subarray(at, at + length)));
    must(decoder.wanted >= 0 && decoder.wanted <= WANTED_CAP, `the decoder wants ${decoder.wanted} bytes`);
    at += length;
  }
  return events;
}

export function fuzzDecoder(input: Uint8Array): void {
  const bytes = onTheWire(input);
  for (const options of [{ key: KEY }, {}] as DecoderOptions[]) {
    const decoder = createDecoder({ ...options, keepBytes: true });
    const events = [...feed(decoder, bytes), ...decoder.silence()];
    let end = 0;
    for (const event of events) {
      must(
        event.offset >= 0 && event.offset + event.length <= bytes.length + 8,
        `an event outside of the stream at ${event.offset}`,
      );
      end = Math.max(end, event.offset);
    }
    must(events.length <= bytes.length + 1, `${events.length} events from ${bytes.length} bytes`);
    const acceptance = createAcceptance();
    const identity = new MeterIdentity({ index: 0 });
    events.forEach((event, index) => {
      if (event.type !== "telegram") return;
      must(event.telegram.registers.length <= bytes.length, "more registers than bytes");
      for (const verdict of acceptance.judge(event.telegram, index * 5_000)) {
        if (verdict.type !== "rejected") JSON.stringify(identity.read(verdict.telegram, true, 0)?.values);
      }
    });
    acceptance.expire(Number.POSITIVE_INFINITY);
    must(JSON.stringify(acceptance.memory()).length < MEMORY_CAP, "the memory grows");
    const after = options.key === undefined ? [] : decoder.feed(good);
    if (options.key !== undefined)
      must(
        after.some(({ type }) => type === "telegram"),
        "no telegram after what was fed",
      );
  }
}

const quiet = { warn: () => undefined, info: () => undefined, debug: () => undefined, error: () => undefined };

/** The text before the first newline is the topic, the rest is the payload. */
export function fuzzMqtt(input: Uint8Array): void {
  const at = input.indexOf(10);
  const topic = Buffer.from(input.subarray(0, at < 0 ? input.length : at)).toString("latin1");
  const ours = { base: "kaifa2mqtt", prefix: "homeassistant", bases: ["kaifa2mqtt"], warnOnce: () => undefined };
  const ownership = new DiscoveryOwnership({ ...ours, instance: "one", log: quiet });
  const stale = new StaleDiscovery({ ...ours, prefixes: ["homeassistant"], enabled: true, ownership });
  for (const name of [topic, "kaifa2mqtt/bridge/info", "homeassistant/sensor/kaifa2mqtt_house/energy_import/config"]) {
    const payload = Buffer.from(at < 0 ? input : input.subarray(at + 1));
    if (!ownership.noteBridge(name, payload)) stale.note(name, payload);
  }
  const due = stale.due([], new Set());
  must(due.topics.length < 20, `${due.topics.length} topics are to be cleared because of three messages`);
  stale.meters();
}

/** A folder for the targets' files. */
export type Folder = string;

export async function fuzzConfig(input: Uint8Array, folder: Folder): Promise<void> {
  const file = join(folder, "fuzzed.yaml");
  writeFileSync(file, input);
  const text = Buffer.from(input).toString("latin1");
  const env = {
    KAIFA2MQTT_METER_KEY: text.slice(0, 80).replaceAll("\0", ""),
    KAIFA2MQTT_MQTT_SERVER: text.slice(80, 160).replaceAll("\0", ""),
  };
  for (const environment of [{}, env]) {
    try {
      const { warnings } = await loadConfig({ file, env: environment, cwd: folder, root: folder });
      must(warnings.length < 1_000, "too many warnings");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      must(error.message.length < 1_000_000, "an error without end");
    }
  }
}

export async function fuzzMemory(input: Uint8Array, folder: Folder): Promise<void> {
  writeFileSync(join(folder, STATE_FILE), input);
  const stored = new StateFile(folder, quiet).load();
  const telegram = createDecoder({ key: KEY }).feed(good)[0];
  if (telegram?.type !== "telegram") throw new Error("the good telegram does not decode");
  const own = Object.values(stored)[0];
  for (const memory of [stored, { [telegram.telegram.systemTitle ?? ""]: own }]) {
    const acceptance = createAcceptance({ wall: () => 0 }, memory);
    const verdicts = [...acceptance.judge(telegram.telegram, 0), ...acceptance.expire(Number.POSITIVE_INFINITY)];
    must(verdicts.length > 0 && verdicts.length < 4, "a telegram without a verdict");
    must(JSON.stringify(acceptance.memory()).length < MEMORY_CAP + input.length, "the memory grows");
  }
}

/** By name of the corpus folder. */
export const TARGETS = {
  ...CODEC_TARGETS,
  decoder: fuzzDecoder,
  mqtt: fuzzMqtt,
  config: fuzzConfig,
  memory: fuzzMemory,
  modbus: fuzzModbus,
  homewizard: fuzzHomewizard,
  shelly: fuzzShelly,
} as const satisfies Record<string, (input: Uint8Array, folder: Folder) => void | Promise<void>>;

export type TargetName = keyof typeof TARGETS;
