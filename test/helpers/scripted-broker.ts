/**
 * A scripted broker for behaviour that no real one can be made to show: reason codes, limits, lost
 * acknowledgements, packets that are too large. Speaks both versions of MQTT (mqtt-packet); retains nothing.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type Packet,
  parser as packetParser,
} from "mqtt-packet";

export interface Script {
  /** Properties or reason of the CONNACK. */
  readonly connack?: (packet: IConnectPacket, attempt: number) => Partial<IConnackPacket>;
  /** Reason code of a PUBACK; `null`: no answer, `close`: the connection is closed. */
  readonly puback?: (packet: IPublishPacket) => number | "close" | null;
  /** Called for every packet, after it was answered. */
  readonly on?: (packet: Packet, client: ScriptedClient) => void;
  /** Whether a message is delivered to subscribers of exactly this topic; default: yes. */
  readonly deliver?: (packet: IPublishPacket) => boolean;
}

export interface ScriptedClient {
  readonly socket: Socket;
  readonly version: 4 | 5;
  send(packet: Packet): void;
}

export class ScriptedBroker {
  script: Script;
  readonly packets: Packet[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();

  private constructor(script: Script, server: Server) {
    this.script = script;
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /** @param port a free one if it is 0 */
  static async start(script: Script = {}, port = 0): Promise<ScriptedBroker> {
    const server = createServer({ noDelay: true });
    const broker = new ScriptedBroker(script, server);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get connects(): IConnectPacket[] {
    return this.packets.filter((packet) => packet.cmd === "connect");
  }

  published(topic?: string): IPublishPacket[] {
    return this.packets.filter(
      (packet): packet is IPublishPacket => packet.cmd === "publish" && (topic === undefined || packet.topic === topic),
    );
  }

  /** Resolves once the condition holds; checks after every packet. */
  async until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiting.delete(check);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`did not happen: ${what}`));
      }, timeoutMs);
      this.#waiting.add(check);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => undefined);
    let version: 4 | 5 = 4;
    const subscribed = new Set<string>();
    const send = (packet: Packet): void => {
      if (!socket.destroyed) socket.write(generate(packet, { protocolVersion: version }));
    };
    const parser = packetParser();
    socket.on("data", (chunk) => parser.parse(chunk));
    parser.on("error", () => socket.destroy());
    parser.on("packet", (packet: Packet) => {
      if (packet.cmd === "connect") version = packet.protocolVersion === 5 ? 5 : 4;
      this.packets.push(packet);
      this.#answer(packet, send, socket, subscribed);
      this.script.on?.(packet, { socket, version, send });
      for (const check of [...this.#waiting]) check();
    });
  }

  #answer(packet: Packet, send: (packet: Packet) => void, socket: Socket, subscribed: Set<string>): void {
    switch (packet.cmd) {
      case "connect": {
        const given = this.script.connack?.(packet, this.connects.length) ?? {};
        send({ cmd: "connack", returnCode: 0, reasonCode: 0, sessionPresent: false, ...given } as IConnackPacket);
        if ((given.reasonCode ?? 0) > 0 || (given.returnCode ?? 0) > 0) socket.end();
        break;
      }
      case "subscribe": {
        for (const { topic } of packet.subscriptions) subscribed.add(topic);
        const granted = packet.subscriptions.map(() => 0);
        send({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
        break;
      }
      case "unsubscribe":
        send({ cmd: "unsuback", messageId: packet.messageId ?? 0, granted: packet.unsubscriptions.map(() => 0) });
        break;
      case "pingreq":
        send({ cmd: "pingresp" });
        break;
      case "publish": {
        const code = this.script.puback?.(packet) ?? (this.script.puback === undefined ? 0 : null);
        if (code === "close") {
          socket.destroy();
          return;
        }
        if (packet.qos === 1 && code !== null) {
          send({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: code });
        }
        if (subscribed.has(packet.topic) && (this.script.deliver?.(packet) ?? true)) {
          send({ ...packet, qos: 0, retain: false, dup: false });
        }
        break;
      }
    }
  }
}
