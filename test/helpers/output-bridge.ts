/** The real program with outputs for other machines, and a meter whose telegrams a test sends one by one. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { BridgeProcess } from "./bridge-process.ts";
import type { BuiltProgram } from "./program.ts";

export class OutputBridge {
  readonly process: BridgeProcess;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #meter: SimulatedMeter;

  private constructor(process: BridgeProcess, server: Server, sockets: Set<Socket>, start: number) {
    this.#meter = new SimulatedMeter({ start });
    this.process = process;
    this.#server = server;
    this.#sockets = sockets;
  }

  /**
   * Starts the bridge and sends enough telegrams for a new meter to be accepted.
   * @param outputs the section `outputs:`, indented by two
   * @param more further sections
   * @param meterTime of the first telegram
   */
  static async start(program: BuiltProgram, outputs: string, more = "", meterTime = Date.now()): Promise<OutputBridge> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const process = new BridgeProcess(program.main);
    const bridge = new OutputBridge(process, server, sockets, meterTime);
    const connected = once(server, "connection");
    process.start(
      [
        // A unique id: names of emulated devices are derived from it, and must be unique on the network.
        `meter: { id: house${port}, port: "tcp://127.0.0.1:${port}", key: ${DEMO_KEY} }`,
        "mqtt: { enabled: false }",
        "log: { level: debug }",
        "outputs:",
        outputs,
        more,
      ].join("\n"),
    );
    await connected;
    for (const [index, part] of ["first contact", "accepted"].entries()) {
      bridge.send(meterTime + index * 5_000);
      await process.says(new RegExp(`${part}: `));
    }
    return bridge;
  }

  /** Sends one telegram. */
  send(meterTime = Date.now()): void {
    const bytes = this.#meter.telegram(meterTime);
    for (const socket of this.#sockets) socket.write(bytes);
  }

  async close(): Promise<void> {
    await this.process.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
}
