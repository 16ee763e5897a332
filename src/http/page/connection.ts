/**
 * Keeps the page's state up to date: server-sent events, with polling every two seconds where a proxy buffers them (Home
 * Assistant's ingress did before 2026.2, home-assistant/core pull request 160704).
 */
import type { PageState } from "../page-model.ts";

const POLL_MS = 2_000;
/** Events arrive at least every 10 s; without one for this long the page polls. */
const SILENT_MS = 15_000;
const FIRST_EVENT_MS = 3_000;

export interface ConnectionHandlers {
  readonly onState: (state: PageState) => void;
  readonly onLost: () => void;
  readonly onLogin: () => void;
}

export class Connection {
  readonly #handlers: ConnectionHandlers;
  #events: EventSource | null = null;
  #heardAt = 0;
  #poll: ReturnType<typeof setInterval> | null = null;

  constructor(handlers: ConnectionHandlers) {
    this.#handlers = handlers;
  }

  async start(): Promise<void> {
    this.stop();
    // Fetch at once, so that the first value need not wait for the stream.
    if (!(await this.#ask())) return;
    this.#listen();
    const begun = Date.now();
    this.#poll = setInterval(() => {
      const silentMs = Date.now() - Math.max(this.#heardAt, begun);
      if (this.#events?.readyState === EventSource.CLOSED) this.#listen();
      if (silentMs > (this.#heardAt === 0 ? FIRST_EVENT_MS : SILENT_MS)) void this.#ask();
    }, POLL_MS);
  }

  stop(): void {
    this.#events?.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#poll = null;
  }

  #listen(): void {
    this.#events?.close();
    this.#events = new EventSource("events");
    this.#events.addEventListener("state", (event: MessageEvent<string>) => {
      this.#heardAt = Date.now();
      this.#handlers.onState(JSON.parse(event.data) as PageState);
    });
    this.#events.addEventListener("error", () => {
      this.#heardAt = Math.min(this.#heardAt, Date.now() - SILENT_MS);
    });
  }

  /** @returns false if a log-in is needed first */
  async #ask(): Promise<boolean> {
    try {
      const response = await fetch("api/state", { signal: AbortSignal.timeout(5_000) });
      if (response.status === 401) {
        this.stop();
        this.#handlers.onLogin();
        return false;
      }
      if (!response.ok) throw new Error(response.statusText);
      this.#handlers.onState((await response.json()) as PageState);
    } catch {
      this.#handlers.onLost();
    }
    return true;
  }
}

/** GETs JSON; `null` if that fails. */
export async function load<T>(path: string): Promise<T | null> {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(10_000) });
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null;
  }
}

/** POSTs JSON, with the header that proves to the server that the request comes from this page. */
export async function send(path: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json", "x-kaifa2mqtt": "1" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}
