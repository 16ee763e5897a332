/**
 * The doctor in the browser: tries the usual line settings as `kaifa2mqtt doctor` does and reports the diagnosis. Once a
 * telegram has arrived, it keeps listening at that setting until stopped.
 */

import type { DecoderOptions } from "../codec/decoder-event.ts";
import { conclude } from "../commands/doctor-conclusion.ts";
import { listenAround, usualLines } from "../commands/doctor-listen.ts";
import { diagnose } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { Observer } from "../diagnosis/observer.ts";
import { type LineSettings, SourceError } from "../sources/source.ts";
import { CaptureDecoder, type Decoded } from "./capture-decoder.ts";
import { type WebSerialPort, WebSerialSource } from "./web-serial.ts";

/** Maximum gap within a telegram. */
const PAUSE_MS = 600;
/** Offline limit: three times the longest usual period. */
const LIMIT_MS = 45_000;
const TICK_MS = 1_000;

export interface ListenHandlers {
  /** While settings are tried. */
  readonly onProgress: (line: LineSettings, elapsedMs: number, bytes: number) => void;
  /** @param line the settings at which telegrams arrive; `null` if none do */
  readonly onDiagnosis: (diagnosis: Diagnosis, line: LineSettings | null) => void;
  /** Telegrams and faults received at the current setting. */
  readonly onHeard: (heard: Decoded) => void;
}

/**
 * Returns when stopped, or when no setting yielded a telegram.
 * @param line the only setting to try; `null`: the usual ones
 */
export async function listen(
  port: WebSerialPort,
  line: LineSettings | null,
  keys: DecoderOptions,
  signal: AbortSignal,
  { onProgress, onDiagnosis, onHeard }: ListenHandlers,
): Promise<void> {
  const usual = usualLines([]);
  const tried = line === null ? usual : [line];
  let heard = new CaptureDecoder(keys, { keep: "newest" });
  const source = new WebSerialSource(port, (bytes) => {
    if (bytes === null) heard = new CaptureDecoder(keys, { keep: "newest" });
    else if (heard.feed(bytes).length > 0) onHeard(heard);
  });
  const progress = (at: LineSettings | null, elapsedMs: number, bytes: number): void => {
    if (at !== null) onProgress(at, elapsedMs, bytes);
  };
  const options = { source, port: source.label, lines: tried, keys, signal, progress, refuses: () => null };
  const hearings = await listenAround(options);
  if (signal.aborted) return;
  heard.silence();
  onHeard(heard);
  // The bridge tries these two on its own.
  const byDefault = usual.slice(0, 2);
  const diagnosis = conclude(hearings, false, byDefault);
  const last = hearings.at(-1);
  if (last === undefined || last.line === null || last.telegram === null) {
    onDiagnosis(diagnosis, null);
    return;
  }
  onDiagnosis(diagnosis, last.line);
  await follow(
    source,
    last.line,
    keys,
    signal,
    (now) => {
      onDiagnosis(now.code === "ok" ? { ...now, cure: diagnosis.cure } : now, last.line);
    },
    onHeard,
  );
}

/** Listens at one setting until it is stopped or the adapter goes away. */
async function follow(
  source: WebSerialSource,
  line: LineSettings,
  keys: DecoderOptions,
  signal: AbortSignal,
  onDiagnosis: (diagnosis: Diagnosis) => void,
  onHeard: (heard: Decoded) => void,
): Promise<void> {
  const observer = new Observer(source.label, "serial");
  const heard = new CaptureDecoder(keys, { keep: "newest" });
  let heardAt = performance.now();
  const handle = (events: ReturnType<CaptureDecoder["feed"]>, at: number): void => {
    for (const event of events) {
      observer.decoded(event, at);
      if (event.type === "telegram") observer.accepted(at);
    }
    if (events.length > 0) onHeard(heard);
  };
  observer.opened(heardAt, line);
  observer.accepted(heardAt);
  let pausing = false;
  const tick = setInterval(() => {
    const at = performance.now();
    if (pausing && at - heardAt >= PAUSE_MS) {
      pausing = false;
      handle(heard.silence(), at);
    }
    onDiagnosis(diagnose(observer.observe(at, LIMIT_MS)));
  }, TICK_MS);
  try {
    for await (const bytes of source.open(signal, line)) {
      if (bytes.length === 0) continue;
      heardAt = performance.now();
      pausing = true;
      observer.bytes(bytes, heardAt);
      handle(heard.feed(bytes), heardAt);
    }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    observer.closed(error.code);
    onDiagnosis(diagnose(observer.observe(performance.now(), LIMIT_MS)));
  } finally {
    clearInterval(tick);
  }
}
