/** The last lines of the log. Loaded only while its card is open. */
import type { LogEntry } from "../../log/log-tail.ts";
import { load } from "./connection.ts";
import { byId, choices, make } from "./dom.ts";
import type { Language } from "./words.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
/** Lines in the page; the bridge keeps as many. */
const MAX_LINES = 500;

/** 0 is the most severe. */
function rankOf(level: string): number {
  return (LEVELS as readonly string[]).indexOf(level);
}

export class LogView {
  readonly #lines: LogEntry[] = [];
  #loading = false;
  #shape = "";
  #language: Language = "en";
  #startedAt = 0;

  constructor() {
    const select = byId<HTMLSelectElement>("log-level");
    const remembered = LEVELS.find((level) => level === choices.get("log-level"));
    select.value = remembered ?? "debug";
    select.addEventListener("change", () => {
      choices.set("log-level", select.value);
      this.#shape = "";
      this.#draw();
    });
    byId("log-card").addEventListener("toggle", () => void this.refresh(this.#language, this.#startedAt));
  }

  /** @param startedAt when the bridge was started: each start begins a new log */
  async refresh(language: Language, startedAt: number): Promise<void> {
    this.#language = language;
    if (startedAt !== this.#startedAt) {
      this.#startedAt = startedAt;
      this.#lines.length = 0;
    }
    if (!byId<HTMLDetailsElement>("log-card").open || this.#loading) return;
    this.#loading = true;
    const last = this.#lines.at(-1)?.id ?? 0;
    const more = await load<LogEntry[]>(`api/log?after=${last}`);
    this.#loading = false;
    if (more === null) return;
    this.#lines.push(...more);
    this.#lines.splice(0, Math.max(0, this.#lines.length - MAX_LINES));
    this.#draw();
  }

  #draw(): void {
    const language = this.#language;
    const level = rankOf(byId<HTMLSelectElement>("log-level").value);
    const shape = `${level} ${language} ${this.#lines.at(-1)?.id}`;
    if (shape === this.#shape) return;
    this.#shape = shape;
    const box = byId("log-lines");
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    const time = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });
    const shown = this.#lines.filter((line) => rankOf(line.level) <= level);
    box.replaceChildren(
      ...shown.map((line) => {
        const labels = [line.component, line.meter].filter((label) => label !== null).join(" ");
        return make(
          "li",
          { "data-level": line.level },
          make("time", {}, time.format(line.at)),
          make("strong", {}, line.level),
          make("span", { class: "muted" }, labels),
          make("span", {}, line.message),
        );
      }),
    );
    if (atEnd) box.scrollTop = box.scrollHeight;
  }
}
