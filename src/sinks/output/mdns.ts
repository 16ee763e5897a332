/** mDNS announcement of an output in the local network (RFC 6762 and 6763). */
import type { Responder } from "@homebridge/ciao";
import type { ComponentLog } from "../../log/component-log.ts";
import { waitAtMost } from "../../process/time-limit.ts";

const STOP_MS = 1_000;

export interface Announcement {
  /** Name of the instance: `p1meter-0123ab`. */
  readonly name: string;
  /** Service type without underscores: `hwenergy`. */
  readonly type: string;
  readonly port: number;
  readonly txt: Readonly<Record<string, string>>;
}

/** Loads the library with the first `announce`. */
export class Mdns {
  readonly #log: ComponentLog;
  #responder: Responder | null = null;
  #announced = false;
  #stopped = false;

  constructor(log: ComponentLog) {
    this.#log = log;
  }

  /** Only the first call has an effect. Neither waits nor throws: without multicast the output still works. */
  announce(services: readonly Announcement[]): void {
    if (this.#announced || this.#stopped) return;
    this.#announced = true;
    void this.#announce(services).catch((error: unknown) => {
      this.#log.warn(`cannot announce by mDNS: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const responder = this.#responder;
    this.#responder = null;
    if (responder === null) return;
    await waitAtMost(
      STOP_MS,
      responder.shutdown().catch(() => undefined),
    );
  }

  async #announce(services: readonly Announcement[]): Promise<void> {
    const { getResponder } = await import("./mdns-library.ts");
    if (this.#stopped) return;
    const responder = getResponder();
    this.#responder = responder;
    const made = services.map(({ name, type, port, txt }, index) => {
      // Each service needs its own host name: the library treats a shared one as a conflict and renames the service.
      const hostname = index === 0 ? name : `${name}-${type}`;
      return responder.createService({ name, hostname, type, port, txt: { ...txt } });
    });
    await Promise.all(made.map((service) => service.advertise()));
    this.#log.info(`announced as ${services.map(({ name, type }) => `${name}._${type}._tcp`).join(", ")}`);
  }
}
