/**
 * All commands that the bridge accepts over MQTT. A command is a non-retained message on
 * `<base>/bridge/command/<meter>/<command>` with the payload `PRESS`; everything else there is ignored, and commands
 * are rate limited. Access control is up to the broker (SECURITY.md).
 */
import { topics } from "./topics.ts";

/** The only valid payload. */
export const PRESS = "PRESS";

/** `restart`: reopen the port. `capture`: write the bytes received next to a file. */
export type Command = "restart" | "capture";

/** Minimum interval per meter and command. */
const LEAST_PAUSE_MS = 5_000;

/** The commands and their buttons in Home Assistant. */
export const COMMANDS = [
  {
    key: "restart_listening",
    command: "restart",
    name: { en: "Restart listening", de: "Verbindung neu öffnen" },
    fields: { device_class: "restart" },
  },
  {
    key: "take_capture",
    command: "capture",
    name: { en: "Take a capture", de: "Mitschnitt aufnehmen" },
    fields: { icon: "mdi:record-circle-outline" },
  },
] as const;

export class CommandTopics {
  readonly #base: string;
  readonly #acceptedAt = new Map<string, number>();

  /** @param base `mqtt.base_topic` */
  constructor(base: string) {
    this.#base = base;
  }

  /**
   * The command in a message; `null` if there is none, or it comes too soon.
   * @param meters ids of the meters that accept commands
   */
  read(topic: string, payload: Uint8Array, meters: Iterable<string>): { meter: string; command: Command } | null {
    if (!topic.startsWith(`${this.#base}/bridge/command/`)) return null;
    if (payload.length !== PRESS.length || Buffer.from(payload).toString("latin1") !== PRESS) return null;
    for (const meter of meters) {
      for (const { command } of COMMANDS) {
        if (topic !== topics.command(this.#base, meter, command)) continue;
        const now = performance.now();
        if (now - (this.#acceptedAt.get(topic) ?? Number.NEGATIVE_INFINITY) < LEAST_PAUSE_MS) return null;
        // Bounded: only topics of known meters get here.
        this.#acceptedAt.set(topic, now);
        return { meter, command };
      }
    }
    return null;
  }
}
