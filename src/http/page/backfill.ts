/** The card about hours that Home Assistant's statistics lacked. */
import type { PageState } from "../page-model.ts";
import { backfillSentences } from "./backfill-sentences.ts";
import { byId, make, setText } from "./dom.ts";
import type { Language } from "./words.ts";

export function showBackfill({ backfill }: PageState, language: Language): void {
  byId("backfill-card").hidden = backfill === null;
  if (backfill === null) return;
  const sentences = backfillSentences(backfill, language);
  const list = byId("backfill");
  while (list.children.length > sentences.length) list.lastElementChild?.remove();
  while (list.children.length < sentences.length) list.append(make("li", {}));
  sentences.forEach((sentence, index) => {
    const row = list.children[index];
    if (row instanceof HTMLElement) setText(row, sentence);
  });
}
