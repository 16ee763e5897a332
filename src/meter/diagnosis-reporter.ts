/** Keeps the diagnosis of one meter up to date, and reports it to the log and the sinks whenever its text changes. */
import { diagnose } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { logDiagnosis } from "../diagnosis/diagnosis-log.ts";
import type { Observer } from "../diagnosis/observer.ts";
import type { ComponentLog } from "../log/component-log.ts";

export class DiagnosisReporter {
  readonly #observer: Observer;
  readonly #log: ComponentLog;
  readonly #changed: (diagnosis: Diagnosis) => void;
  #current: Diagnosis;
  /** The system title that the current sentence names. */
  #systemTitle: string | null = null;

  /** @param changed called with each new diagnosis */
  constructor(observer: Observer, log: ComponentLog, at: number, limitMs: number, changed: (now: Diagnosis) => void) {
    this.#observer = observer;
    this.#log = log;
    this.#changed = changed;
    this.#current = diagnose(observer.observe(at, limitMs));
  }

  get current(): Diagnosis {
    return this.#current;
  }

  /**
   * @param at monotonic milliseconds
   * @param limitMs the meter counts as silent after this long without an accepted telegram
   */
  update(at: number, limitMs: number): void {
    const before = this.#current;
    const { systemTitle } = this.#observer;
    // Called several times per telegram: collecting all observations to write the same sentence again is not free.
    if (before.code === "ok" && systemTitle === this.#systemTitle && this.#observer.isReceiving(at, limitMs)) return;
    this.#systemTitle = systemTitle;
    const now = diagnose(this.#observer.observe(at, limitMs));
    if (now.text.en === before.text.en) return;
    this.#current = now;
    this.#changed(now);
    logDiagnosis(this.#log, now, before);
  }
}
