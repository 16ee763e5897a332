/**
 * Many meters, each behind its own TCP server, in a separate process. Between `run` and `halt` each meter sends a telegram every
 * period, spread evenly; with `greet` it also sends one on each connection.
 *
 *     meter-farm.mjs METERS PERIOD_MS
 *
 * Requests and answers (IPC): see many-meters.ts.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { SimulatedMeter } from "../src/sources/simulated-meter.ts";

export type FarmRequest = "run" | "greet" | "halt";

/** Times are monotonic milliseconds, the same in all processes (`monotonicMs`). */
export type FarmAnswer =
  | { readonly type: "ports"; readonly ports: readonly number[] }
  | { readonly type: "connected"; readonly at: number }
  /** Times at which each meter sent; `worstLateMs`: maximum delay against schedule. */
  | { readonly type: "sent"; readonly sent: readonly [meter: number, at: number][]; readonly worstLateMs: number };

const TICK_MS = 2;
const [meters = 0, periodMs = 0] = process.argv.slice(2).map(Number);
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const tell = (answer: FarmAnswer): void => void process.send?.(answer);

const sockets: (Socket | undefined)[] = Array.from({ length: meters });
const simulated = sockets.map((_, n) => new SimulatedMeter({ start: Date.now(), seed: n + 1 }));
let sent: [number, number][] = [];
let worstLateMs = 0;
let connections = 0;
let greets = false;

function send(meter: number): void {
  const socket = sockets[meter];
  const bytes = simulated[meter]?.telegram(Date.now());
  if (socket === undefined || bytes === undefined) return;
  sent.push([meter, now()]);
  socket.write(bytes);
}

const ports = await Promise.all(
  simulated.map(async (_, meter) => {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        connections--;
        sockets[meter] = undefined;
      });
      sockets[meter] = socket;
      if (greets) send(meter);
      if (++connections === meters) tell({ type: "connected", at: now() });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  }),
);

let timer: NodeJS.Timeout | undefined;
function run(): void {
  const begun = now();
  let done = 0;
  timer = setInterval(() => {
    for (;;) {
      const due = begun + (done * periodMs) / meters;
      const late = now() - due;
      if (late < 0) return;
      worstLateMs = Math.max(worstLateMs, late);
      send(done % meters);
      done++;
    }
  }, TICK_MS);
}

process.on("message", (request: FarmRequest) => {
  if (request === "run") {
    sent = [];
    worstLateMs = 0;
    clearInterval(timer);
    run();
  } else if (request === "greet") {
    greets = true;
  } else {
    clearInterval(timer);
    tell({ type: "sent", sent, worstLateMs });
  }
});
process.on("disconnect", () => process.exit());
tell({ type: "ports", ports });
