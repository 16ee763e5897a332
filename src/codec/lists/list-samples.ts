/** Samples of telegrams that match no list, grouped by form, as input for a template. */
import { listTemplate, MAX_SAMPLES, sameForm } from "./list-template.ts";
import type { ListPosition } from "./unknown-list.ts";

/** Maximum number of forms; a meter sends two or three. */
const MAX_FORMS = 4;

export class ListSamples {
  readonly #forms: (readonly ListPosition[])[][] = [];

  /** Adds the positions that a fault event reports for an unknown body. Keeps at most 16 telegrams for each of 4 forms. */
  add(positions: readonly ListPosition[]): void {
    const form = this.#forms.find(([first]) => first !== undefined && sameForm(first, positions));
    if (form === undefined) {
      if (this.#forms.length < MAX_FORMS) this.#forms.push([positions]);
      return;
    }
    // Keep the first sample: the increase since then reveals counters.
    if (form.length >= MAX_SAMPLES) form.splice(1, 1);
    form.push(positions);
  }

  /** One `lists:` block with a list for each form; empty if every telegram matched a list. */
  template(): string {
    return this.#forms
      .map((form, index) => listTemplate(form, index === 0 ? "my-list" : `my-list-${index + 1}`))
      .map((block, index) => (index === 0 ? block : block.replace(/^lists:\n/, "")))
      .join("");
  }
}
