/** A removable adapter between meter and bridge: a TCP relay that disconnects and accepts no connections until it is back. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "../helpers/free-port.ts";

export class Adapter {
  readonly #meterPort: number;
  readonly port: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  private constructor(meterPort: number, port: number) {
    this.#meterPort = meterPort;
    this.port = port;
  }

  static async before(meterPort: number): Promise<Adapter> {
    const adapter = new Adapter(meterPort, await freePort());
    await adapter.plug();
    return adapter;
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  async plug(): Promise<void> {
    const server = createServer((bridge) => {
      const meter = connect(this.#meterPort, "127.0.0.1");
      for (const socket of [bridge, meter]) {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.#sockets.delete(socket);
          (socket === bridge ? meter : bridge).destroy();
        });
      }
      meter.pipe(bridge);
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
  }

  async pull(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const gone = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await gone;
  }
}
