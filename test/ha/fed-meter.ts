/** A meter on a TCP port that sends telegrams on demand, with any clock. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { LoadProfile, seededRandom } from "../../src/sources/load-profile.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { freePort } from "../helpers/free-port.ts";
import { KEY } from "./simulated-meter.ts";

export type Registers = Readonly<Record<"energy_import" | "energy_export", number>>;

export class FedMeter {
  readonly url: string;
  readonly #server: Server;
  readonly #meter: SimulatedMeter;
  readonly #profile: LoadProfile;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, start: number) {
    this.url = `tcp://127.0.0.1:${port}`;
    this.#server = server;
    this.#meter = new SimulatedMeter({ key: Buffer.from(KEY, "hex"), start });
    this.#profile = new LoadProfile(seededRandom(21), start);
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    });
  }

  /** @param start initial time of its clock, milliseconds since 1970 */
  static async listen(start: number): Promise<FedMeter> {
    const port = await freePort();
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    return new FedMeter(server, port, start);
  }

  /** Resolves when the bridge is connected. */
  async connected(): Promise<void> {
    if (this.#sockets.size === 0) await once(this.#server, "connection");
  }

  /** Sends the telegram for that time; time never goes back. @returns its registers, kWh */
  send(time: number): Registers {
    const measured = this.#profile.measure(time);
    const bytes = this.#meter.encode(measured);
    for (const socket of this.#sockets) socket.write(bytes);
    return { energy_import: measured.importWh / 1000, energy_export: measured.exportWh / 1000 };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
