/**
 * The event streams (server-sent events) of open pages: each gets the state when it changes, and only as fast as its
 * client reads.
 */
import { streamSSE } from "hono/streaming";
import type { LiveState } from "./live-state.ts";
import { type Ctx, jsonText } from "./responses.ts";

/** Maximum number of concurrent event streams; one more closes the oldest. */
export const MAX_STREAMS = 32;

export class EventStreams {
  readonly #live: LiveState;
  /** One function for each open stream, which closes it; oldest first. */
  readonly #open = new Set<() => void>();

  constructor(live: LiveState) {
    this.#live = live;
  }

  /** Answers with a stream. @param loggedIn whether the client has logged in with the token */
  serve(c: Ctx, loggedIn: boolean): Response {
    // A client that never reads would keep its slot forever. A page whose stream is closed reconnects or polls.
    const [oldest] = this.#open;
    if (this.#open.size >= MAX_STREAMS) oldest?.();
    c.header("x-accel-buffering", "no");
    const outgoing = c.env?.outgoing;
    let leave = (): void => undefined;
    const sentAway = new Promise<void>((resolve) => {
      leave = () => {
        this.#open.delete(leave);
        outgoing?.destroy();
        resolve();
      };
    });
    this.#open.add(leave);
    return streamSSE(c, async (stream) => {
      let stop = (): void => undefined;
      const ended = Promise.race([sentAway, new Promise<void>((resolve) => stream.onAbort(resolve))]);
      try {
        // Queue nothing for a client that does not read: it gets the latest state once it does.
        let busy = false;
        const send = async (): Promise<void> => {
          if (busy) return;
          busy = true;
          await stream.writeSSE({ event: "state", data: jsonText(this.#live.snapshot(Date.now(), loggedIn)) });
          busy = false;
        };
        stop = this.#live.listen(() => void send());
        await Promise.race([send(), ended]);
        await ended;
      } finally {
        stop();
        this.#open.delete(leave);
      }
    });
  }
}
