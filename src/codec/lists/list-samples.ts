/** Telegrams that fit no list, kept by their form, so that a template can be written from several of each. */
import { listTemplate, MAX_SAMPLES, sameForm } from "./list-template.ts";
import type { ListPosition } from "./unknown-list.ts";

/** Forms that are told apart; a meter sends two or three. */
const MAX_FORMS = 4;

export class ListSamples {
  readonly #forms: (readonly ListPosition[])[][] = [];

  /** Takes what a fault event says of a body without a layout. At most 16 telegrams of each of 4 forms are kept. */
  add(positions: readonly ListPosition[]): void {
    const form = this.#forms.find(([first]) => first !== undefined && sameForm(first, positions));
    if (form === undefined) {
      if (this.#forms.length < MAX_FORMS) this.#forms.push([positions]);
      return;
    }
    // The first stays: a counter shows by how far it has come since.
    if (form.length >= MAX_SAMPLES) form.splice(1, 1);
    form.push(positions);
  }

  /** One `lists:` block with a list for each form; empty where every telegram fitted one. */
  template(): string {
    return this.#forms
      .map((form, index) => listTemplate(form, index === 0 ? "my-list" : `my-list-${index + 1}`))
      .map((block, index) => (index === 0 ? block : block.replace(/^lists:\n/, "")))
      .join("");
  }
}
