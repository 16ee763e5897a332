/**
 * Builds one meter from the configuration: source, decoder, acceptance, capture, and the destination of its readings.
 */
import { createAcceptance, limitsOf } from "./acceptance/acceptance.ts";
import { keyIdOf } from "./acceptance/key-id.ts";
import type { StateFile } from "./acceptance/state-file.ts";
import type { Acceptance } from "./acceptance/verdict.ts";
import { createDecoder } from "./codec/decoder.ts";
import type { Decoder, DecoderOptions } from "./codec/decoder-event.ts";
import { portAsTyped } from "./config/derive-defaults.ts";
import type { Config, MeterConfig } from "./config/options.ts";
import type { Deployment } from "./diagnosis/diagnosis.ts";
import { Observer, sourceKind } from "./diagnosis/observer.ts";
import type { ComponentLog } from "./log/component-log.ts";
import type { MeterEvent } from "./meter/events.ts";
import { MeterIdentity } from "./meter/identity.ts";
import type { LineCapture } from "./meter/line-capture.ts";
import { Meter } from "./meter/meter.ts";
import { PartialStart } from "./meter/partial-start.ts";
import { openSource } from "./sources/open-source.ts";
import { DEMO_KEY } from "./sources/simulated-meter.ts";

/** Observes a meter's decoder and acceptance: the status page's recorder. */
export interface Recorder {
  tap(index: number, decoder: Decoder): Decoder;
  watch(index: number, acceptance: Acceptance): Acceptance;
}

export interface MeterParts {
  readonly config: Config;
  readonly meter: MeterConfig;
  /** Position in the configuration. */
  readonly index: number;
  readonly recorder: Recorder | null;
  readonly capture: LineCapture;
  /** Saved state of all meters. */
  readonly remembered: Readonly<Record<string, unknown>>;
  readonly stateFile: StateFile;
  readonly deployment: Deployment;
  /** The device path on the host; inside the container it is `/dev/ttyUSB0`. */
  readonly deviceOnHost: string | undefined;
  /** @returns whether the event was accepted: the same meter may already be read on another port */
  readonly emit: (event: MeterEvent) => boolean;
  readonly log: ComponentLog;
}

/** Builds a meter without starting it. */
export function buildMeter(parts: MeterParts): Meter {
  const { config, meter, index, recorder, capture, remembered, stateFile, emit, log } = parts;
  const decoding = decodingOf(config, meter);
  const decoder = new PartialStart(createDecoder({ ...decoding, keepBytes: recorder !== null }));
  // Simulated meters and captures start fresh each time: their state isn't saved.
  const lasting = !["file", "simulator"].includes(sourceKind(meter.port));
  const identity = new MeterIdentity({ index, id: meter.id, name: meter.name, warn: (message) => log.warn(message) });
  const acceptance = createAcceptance(
    {
      ...limitsOf(config.plausibility),
      wall: () => Date.now(),
      keyId: keyIdOf(decoding.key),
      source: meter.port,
      id: () => identity.id,
    },
    lasting ? remembered : undefined,
    log,
  );
  if (lasting) stateFile.watch(() => acceptance.memory());
  return new Meter({
    index,
    source: openSource(meter.port, decoding),
    line: {
      baudRate: meter.baud_rate,
      dataBits: meter.data_bits as 5 | 6 | 7 | 8,
      parity: meter.parity,
      stopBits: meter.stop_bits as 1 | 2,
    },
    decoder: capture.tap(recorder?.tap(index, decoder) ?? decoder),
    acceptance: recorder?.watch(index, acceptance) ?? acceptance,
    observer: new Observer(portAsTyped(meter.port, parts.deviceOnHost), sourceKind(meter.port), parts.deployment),
    toReading: (telegram, complete, receivedAt) => identity.read(telegram, complete, receivedAt),
    emit: (event) => {
      const counts = emit(event);
      if (counts && lasting && event.type === "reading" && event.reading.complete) stateFile.touch();
    },
    log,
  });
}

/** What the decoder needs for a meter: its keys and the user-defined lists. */
export function decodingOf(config: Config, meter: MeterConfig | undefined): DecoderOptions {
  return { ...keysOf(meter), lists: config.lists };
}

/** A simulated meter without a key encrypts with the published example key. */
function keysOf(meter: MeterConfig | undefined): { key?: Uint8Array; authenticationKey?: Uint8Array } {
  const key = meter?.key ?? (meter?.port.startsWith("simulator:") ? DEMO_KEY : undefined);
  return {
    ...(key === undefined ? {} : { key: Buffer.from(key, "hex") }),
    ...(meter?.authentication_key === undefined
      ? {}
      : { authenticationKey: Buffer.from(meter.authentication_key, "hex") }),
  };
}
