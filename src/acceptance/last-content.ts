/** The content of the last accepted telegram, to detect a repetition. */
import type { Telegram } from "../codec/telegram.ts";

/** Overwritten in place by each telegram; the text is made only when it is stored. */
export class LastContent {
  /** Meter time; then for each register its text, or coefficient and exponent. */
  readonly #values: (string | number | bigint)[] = [];
  /** As restored after a restart; `null` once a telegram was set. */
  #restored: string | null;

  constructor(restored: string | null = null) {
    this.#restored = restored;
  }

  set({ meterTime, registers }: Telegram): void {
    this.#restored = null;
    const values = this.#values;
    let length = 0;
    values[length++] = meterTime ?? "";
    for (const { value } of registers) {
      if (typeof value === "string") {
        values[length++] = value;
      } else {
        values[length++] = value.coefficient;
        values[length++] = value.exponent;
      }
    }
    values.length = length;
  }

  isThatOf(telegram: Telegram): boolean {
    if (this.#restored !== null) return contentOf(telegram) === this.#restored;
    const values = this.#values;
    if (values[0] !== (telegram.meterTime ?? "")) return false;
    let at = 1;
    for (const { value } of telegram.registers) {
      if (typeof value === "string") {
        if (values[at++] !== value) return false;
      } else {
        if (values[at++] !== value.coefficient || values[at++] !== value.exponent) return false;
      }
    }
    return at === values.length;
  }

  copy(): LastContent {
    const copy = new LastContent(this.#restored);
    copy.#values.push(...this.#values);
    return copy;
  }

  /** As `contentOf` the telegram. */
  toString(): string {
    if (this.#restored !== null) return this.#restored;
    const parts: string[] = [];
    for (let at = 0; at < this.#values.length; at++) {
      const value = this.#values[at];
      parts.push(typeof value === "string" ? value : `${value}e${this.#values[++at]}`);
    }
    return parts.join("|");
  }
}

/** Meter time and values as a text; equal for a repeated telegram. */
export function contentOf(telegram: Telegram): string {
  const content = new LastContent();
  content.set(telegram);
  return content.toString();
}
