/**
 * Checks whether we may write to the topics where we publish. With MQTT 5 the broker refuses explicitly
 * (publish-refusals.ts); with 3.1.1 the only sign is that a publication doesn't come back. One topic of each kind is
 * checked, once.
 */
import type { ComponentLog } from "../../../log/component-log.ts";
import type { Message } from "../message.ts";
import { EchoCheck } from "./echo-check.ts";
import type { PublicationKind } from "./publish-refusals.ts";
import type { Phrase } from "./reason-codes.ts";

/** The part of the connection that the check uses. */
export interface CheckedConnection {
  readonly label: string;
  readonly connected: boolean;
  readonly refusesOpenly: boolean;
  readonly subscribes: boolean;
  subscribe(topics: string[], done: () => void): void;
}

export class WriteCheck {
  readonly #connection: CheckedConnection;
  readonly #log: ComponentLog;
  readonly #echoes: EchoCheck;
  readonly #checked = new Set<PublicationKind>();
  #problem: Phrase | null = null;

  constructor(connection: CheckedConnection, log: ComponentLog) {
    this.#connection = connection;
    this.#log = log;
    this.#echoes = new EchoCheck((missing) => this.#report(missing));
  }

  /** The publications that didn't come back, as a sentence; `null` if none are missing. */
  get problem(): Phrase | null {
    return this.#problem;
  }

  /** Records a publication. The first message of each kind is checked, if the broker can't refuse it explicitly. */
  published(kind: PublicationKind, message: Message): void {
    const connection = this.#connection;
    this.#echoes.published(message.topic, message.payload);
    if (this.#checked.has(kind) || connection.refusesOpenly || !connection.connected) return;
    this.#checked.add(kind);
    // The bridge's state is always subscribed.
    if (kind !== "bridge") connection.subscribe([message.topic], () => undefined);
    if (connection.subscribes) this.#echoes.expect(message.topic, kind === "bridge" ? null : message.payload);
  }

  /** Handles a received message. @returns whether it is an expected echo */
  received(topic: string, payload: Buffer, retained: boolean): boolean {
    return this.#echoes.seen(topic, payload, retained);
  }

  /** The connection is gone, or we are stopping: no conclusions are possible. */
  clear(): void {
    this.#echoes.clear();
  }

  #report(missing: readonly string[]): void {
    const { label } = this.#connection;
    this.#problem = {
      en:
        `what we publish on ${missing.join(" and ")} does not come back from the broker at ${label}: most likely this user ` +
        "has no right to write there. Fix: allow it there (an access rule, ACL), or set mqtt.version to 5, with which the broker says so itself",
      de:
        `Was wir unter ${missing.join(" und ")} veröffentlichen, kommt vom Broker ${label} nicht zurück: wahrscheinlich darf ` +
        "dieser Benutzer dort nicht schreiben. Abhilfe: es ihm dort erlauben (Zugriffsregel, ACL), oder mqtt.version auf 5 setzen, womit der Broker es selbst sagt",
    };
    this.#log.warn(this.#problem.en);
  }
}
