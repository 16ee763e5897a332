/** Answers that many clients poll are built once per reading. */
import type { MeterFeed } from "./meter-feed.ts";

/** One cached answer; rebuilt when there is something new, and when one of its values expires. */
export class ReadingCache<Answer> {
  readonly #feed: MeterFeed;
  readonly #build: () => Answer;
  #cached: { readonly answer: Answer; readonly revision: number; readonly validUntil: number } | null = null;

  constructor(feed: MeterFeed, build: () => Answer) {
    this.#feed = feed;
    this.#build = build;
  }

  get(): Answer {
    const { revision, now } = this.#feed;
    const cached = this.#cached;
    if (cached !== null && cached.revision === revision && now <= cached.validUntil) return cached.answer;
    const { validUntil } = this.#feed;
    const answer = this.#build();
    this.#cached = { answer, revision, validUntil };
    return answer;
  }
}
