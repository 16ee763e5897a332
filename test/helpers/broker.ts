/** A real broker (aedes) in the test process, on a free loopback port, with a record of its messages. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes, type AedesOptions } from "aedes";

export interface Sent {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: number;
  readonly clientId: string;
}

export class TestBroker {
  readonly port: number;
  readonly aedes: Aedes;
  /** All messages published by clients, in order. */
  readonly sent: Sent[] = [];
  /** The retained messages. */
  readonly retained = new Map<string, string>();
  readonly #sockets = new Set<Socket>();
  readonly #server: ReturnType<typeof createServer>;
  readonly #waiting = new Set<() => void>();

  private constructor(aedes: Aedes, server: ReturnType<typeof createServer>, sockets: Set<Socket>) {
    this.aedes = aedes;
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
    aedes.on("publish", (packet, client) => {
      if (packet.topic.startsWith("$SYS")) return;
      const { topic, retain, qos } = packet;
      const payload = packet.payload.toString();
      if (retain && payload === "") this.retained.delete(topic);
      else if (retain) this.retained.set(topic, payload);
      this.sent.push({ topic, payload, retain, qos, clientId: client?.id ?? "" });
      for (const look of [...this.#waiting]) look();
    });
  }

  static async start(options: AedesOptions = {}, port = 0): Promise<TestBroker> {
    const aedes = await Aedes.createBroker(options);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
      aedes.handle(socket);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new TestBroker(aedes, server, sockets);
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Resolves once the condition holds; checks after every publication. */
  async until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new Error(
            `did not happen: ${what}\n${this.sent
              .slice(-30)
              .map(({ topic }) => topic)
              .join("\n")}`,
          ),
        );
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }

  /** Waits for a message on a topic, unless one is already there. */
  async message(topic: string, payload?: string): Promise<Sent> {
    const find = (): Sent | undefined =>
      this.sent.findLast((sent) => sent.topic === topic && (payload === undefined || sent.payload === payload));
    await this.until(() => find() !== undefined, `${topic} ${payload ?? ""}`);
    return find() as Sent;
  }

  /** Retains a message as another client. */
  async retain(topic: string, payload: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const packet = {
        cmd: "publish",
        topic,
        payload: Buffer.from(payload),
        qos: 0,
        retain: true,
        dup: false,
      } as const;
      this.aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Cuts all connections but accepts new ones. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
