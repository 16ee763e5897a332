/**
 * `kaifa2mqtt demo`: everything without hardware. A simulated meter, an MQTT broker in this process, the bridge and its
 * status page; prints the messages as they are published. The bytes take the same path as those of a real meter.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bridge } from "../bridge.ts";
import { configSchema } from "../config/options.ts";
import { createLogger } from "../log/log.ts";
import { LogTail } from "../log/log-tail.ts";
import { VERSION } from "../version.ts";
import { type CommandContext, UsageError } from "./command.ts";

const DEFAULT_INTERVAL_S = 2;
const PAGE_PORT = 8099;
const LOOPBACK = "127.0.0.1";
const DEFAULT_WIDTH = 120;

/** Exit code 0 when stopped, or after `--count` readings or `--duration` seconds. */
export async function command(context: CommandContext): Promise<number> {
  const { signal, stdout } = context;
  const interval = numberOption(context, "interval") ?? DEFAULT_INTERVAL_S;
  const count = numberOption(context, "count") ?? Number.POSITIVE_INFINITY;
  const duration = numberOption(context, "duration");
  const layout = context.options.layout ?? "netz-noe";
  const print = (line: string): void => void stdout.write(`${line}\n`);

  const dataDir = mkdtempSync(join(tmpdir(), "kaifa2mqtt-demo-"));
  const done = new AbortController();
  let readings = 0;
  const broker = await startBroker((topic, payload) => {
    print(messageLine(topic, payload, widthOf(stdout)));
    if (/^kaifa2mqtt\/[^/]+$/.test(topic) && ++readings >= count) done.abort();
  });
  const pagePort = await freePort(PAGE_PORT);
  const server = `mqtt://${LOOPBACK}:${broker.port}`;
  const config = configSchema.parse({
    meters: [{ port: `simulator:?interval=${interval}&layout=${layout}` }],
    mqtt: { server: [server], version: 4 },
    http: { enabled: true, host: LOOPBACK, port: pagePort },
    log: { level: context.options.logLevel ?? "warn" },
    data_dir: dataDir,
  });
  print(introduction({ server, port: broker.port, pagePort, interval, layout }));

  const logTail = new LogTail();
  const log = createLogger({ ...config.log, stream: context.stderr, tail: logTail });
  const bridge = new Bridge({
    config: { ...config, data_dir: dataDir },
    version: VERSION,
    log,
    page: { logTail },
  });
  const ends = AbortSignal.any([
    signal,
    done.signal,
    ...(duration === undefined ? [] : [AbortSignal.timeout(duration * 1000)]),
  ]);
  try {
    const ended = ends.aborted ? Promise.resolve() : once(ends, "abort");
    await bridge.start();
    await ended;
  } finally {
    await bridge.stop();
    await broker.stop();
    await log.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  print(`The demo is over after ${readings} reading${readings === 1 ? "" : "s"}.`);
  return 0;
}

interface Facts {
  readonly server: string;
  readonly port: number;
  readonly pagePort: number;
  readonly interval: number;
  readonly layout: string;
}

function introduction({ server, port, pagePort, interval, layout }: Facts): string {
  return `kaifa2mqtt ${VERSION}, the demo: all of it at work without hardware.
  meter         simulated (${layout}), an encrypted telegram every ${interval} s
  MQTT broker   ${server}, in this process; look at it with: mosquitto_sub -h ${LOOPBACK} -p ${port} -v -t '#'
  status page   http://${LOOPBACK}:${pagePort}/

From here to your own meter:
  1. \`node dist/main.js doctor\` finds the adapter and says whether telegrams come, and what is missing if not.
  2. Write kaifa2mqtt.yaml:
       meter:
         port: /dev/ttyUSB0                 # or what the doctor names
         key: 36C66639E48A8CA4D6BC8B282A793BBB   # the 32 digits that your grid operator hands out
       mqtt:
         server: mqtt://localhost:1883      # your broker; Home Assistant finds the meter by itself
  3. \`node dist/main.js run\`

The messages as they go; Ctrl-C ends the demo:
`;
}

/** A message on one line, cut to the width of the terminal. */
function messageLine(topic: string, payload: string, width: number): string {
  const line = `${topic}  ${payload === "" ? "(emptied)" : payload}`;
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

function widthOf(stdout: CommandContext["stdout"]): number {
  return (stdout as { columns?: number }).columns ?? DEFAULT_WIDTH;
}

function numberOption({ options }: CommandContext, name: "interval" | "count" | "duration"): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new UsageError(`--${name}: expected a number above 0, found ${text}`);
  return value;
}

/** A broker of our own, on a free port of the loopback interface. */
async function startBroker(
  onMessage: (topic: string, payload: string) => void,
): Promise<{ port: number; stop: () => Promise<void> }> {
  const { Aedes } = await import("aedes");
  const aedes = await Aedes.createBroker();
  aedes.on("publish", ({ topic, payload }, client) => {
    if (client !== null) onMessage(topic, payload.toString());
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await close(server);
    },
  };
}

/** The preferred port if it is free, else any. */
async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const server = createServer();
    try {
      server.listen(port, LOOPBACK);
      await once(server, "listening");
      return (server.address() as AddressInfo).port;
    } catch {
      // In use: take any other.
    } finally {
      await close(server);
    }
  }
  return wanted;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
