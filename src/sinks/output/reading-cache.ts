/** Builds a polled answer once per reading, on the first request. */
import type { MeterFeed } from "./meter-feed.ts";

interface Cached<Answer> {
  readonly answer: Answer;
  readonly revision: number;
  readonly validUntil: number;
  /** Whether the reading was fresh; if so, it stays fresh until `validUntil`. */
  readonly fresh: boolean;
}

/** One cached answer; rebuilt when there is new data or one of its values expires. */
export class ReadingCache<Answer> {
  readonly #feed: MeterFeed;
  readonly #build: () => Answer;
  #cached: Cached<Answer> | null = null;

  constructor(feed: MeterFeed, build: () => Answer) {
    this.#feed = feed;
    this.#build = build;
  }

  get(): Answer {
    return this.#current().answer;
  }

  /** As `get`, but `null` once the reading is too old, or before the first. */
  getFresh(): Answer | null {
    const { answer, fresh } = this.#current();
    return fresh ? answer : null;
  }

  #current(): Cached<Answer> {
    const { revision, now } = this.#feed;
    const cached = this.#cached;
    if (cached !== null && cached.revision === revision && now <= cached.validUntil) return cached;
    const { validUntil, freshness } = this.#feed;
    this.#cached = { answer: this.#build(), revision, validUntil, fresh: freshness === "fresh" };
    return this.#cached;
  }
}
