/** A source that yields, ends and fails under the control of a test. */
import type { LineSettings, Source } from "../../src/sources/source.ts";

type Step = { chunk: Uint8Array } | { error: Error } | { end: true };

export class ScriptedSource implements Source {
  readonly label = "/dev/ttyTEST";
  readonly hasLine: boolean;
  /** Line settings of every opening so far. */
  readonly openings: LineSettings[] = [];
  /** While set, opening fails with this error. */
  refusal: Error | null = null;
  #steps: Step[] = [];
  #wake: (() => void) | null = null;
  #change: (() => void) | null = null;

  constructor(hasLine = true) {
    this.hasLine = hasLine;
  }

  push(...chunks: Uint8Array[]): void {
    this.#add(...chunks.map((chunk) => ({ chunk })));
  }

  fail(error: Error): void {
    this.#add({ error });
  }

  end(): void {
    this.#add({ end: true });
  }

  /** Number of chunks that have not been read. */
  get unread(): number {
    return this.#steps.length;
  }

  /** Resolves `changed`: the device has changed. */
  change(): void {
    this.#change?.();
  }

  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#change = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  async *open(signal: AbortSignal, line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    this.openings.push(line);
    if (this.refusal !== null) throw this.refusal;
    this.#steps = [];
    yield new Uint8Array(0);
    signal.addEventListener("abort", () => this.#wake?.());
    while (!signal.aborted) {
      const step = this.#steps.shift();
      if (step === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if ("chunk" in step) yield step.chunk;
      else if ("error" in step) throw step.error;
      else return;
    }
  }

  #add(...steps: Step[]): void {
    this.#steps.push(...steps);
    this.#wake?.();
  }
}
