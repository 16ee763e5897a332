/**
 * Outputs for other machines: how soon a reading is at their clients, and the CPU time of 50 clients that poll ten times a second.
 * One bridge with all outputs and MQTT, on a PTY at the line rate of 2400 baud.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import { DEMO_KEY, SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { freePort } from "../test/helpers/free-port.ts";
import { PtyPair } from "../test/helpers/pty.ts";
import { BridgeProcess, type Broker, pause, quantile } from "./processes.ts";

const HOST = "127.0.0.1";
const CLIENTS = 50;
const POLL_MS = 100;
const UDP_PORTS = 1;
/** 40070 to 40177: the whole meter model. */
const READ_METER = Buffer.from("00010000000601039c86006b", "hex");
const RPC = '{"id":1,"src":"bench","method":"EM.GetStatus","params":{"id":0}}';

export interface OutputLatency {
  readonly output: string;
  readonly medianMs: number;
  readonly p95Ms: number;
}
export interface OutputLoad {
  readonly output: string;
  /** Of one core, everything in: telegrams and MQTT, too. */
  readonly share: number;
  /** Answers, as a share of those that 50 clients at 10 Hz expect. */
  readonly answered: number;
}

interface Ports {
  readonly p1: number;
  readonly homewizard: number;
  readonly sunspec: number;
  readonly shelly: number;
  readonly udp: number;
}

/** A client that asks once and gives the answer. */
interface Poller {
  ask(): Promise<string>;
  close(): void;
}

/** @param telegrams to measure the latency with, `periodMs` apart; then `seconds` of load for each output */
export async function benchOutputs(broker: Broker, telegrams: number, periodMs: number, seconds: number) {
  const line = await PtyPair.open();
  const [p1, homewizard, sunspec, shelly, udp] = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()));
  const ports = { p1, homewizard, sunspec, shelly, udp } as Ports;
  const config = [
    `meter: { port: "${line.device}", key: ${DEMO_KEY} }`,
    `mqtt: { server: "${broker.url}" }`,
    "outputs:",
    `  p1: { listen: "${HOST}:${p1}" }`,
    `  homewizard: { listen: "${HOST}:${homewizard}" }`,
    `  sunspec: { listen: "${HOST}:${sunspec}" }`,
    `  shelly: { listen: "${HOST}:${shelly}", udp: [${udp}] }`,
  ];
  const bridge = new BridgeProcess({}, `${config.join("\n")}\n`);
  const meter = new SimulatedMeter({ start: Date.now() });
  const send = (): Promise<void> => line.writeAtLineRate(meter.telegram(Date.now()));
  try {
    await bridge.listening(1 + 4 + UDP_PORTS);
    for (let warm = 0; warm < 5; warm++) {
      await send();
      await pause(periodMs);
    }
    const latencies = await measureLatencies(ports, send, telegrams, periodMs);
    const loads: OutputLoad[] = [];
    for (const [output, open] of POLLERS) loads.push(await measureLoad(output, open, ports, bridge, send, seconds));
    return { latencies, loads };
  } finally {
    await bridge.stop();
    await line.close();
  }
}

async function measureLatencies(ports: Ports, send: () => Promise<void>, telegrams: number, periodMs: number) {
  const found = new Map<string, number[]>();
  const note = (output: string, ms: number): void => void found.set(output, [...(found.get(output) ?? []), ms]);
  const p1 = await socketTo(ports.p1);
  const webSocket = new WebSocket(`ws://${HOST}:${ports.shelly}/rpc`);
  await once(webSocket, "open");
  const pollers = await Promise.all(POLLERS.map(async ([output, open]) => [output, await open(ports)] as const));
  try {
    for (let round = 0; round < telegrams; round++) {
      // One output after the other, so that they don't wait for each other's clients.
      const turn = round % (2 + pollers.length);
      const pushed = turn === 0 ? once(p1, "data") : turn === 1 ? once(webSocket, "message") : null;
      const [output, poller] = pollers[turn - 2] ?? [turn === 0 ? "P1" : "Shelly (WebSocket)", null];
      const before = await poller?.ask();
      await send();
      const written = performance.now();
      if (pushed !== null) await pushed;
      // Polls at once again and again, until the answer is that of the new telegram.
      else while ((await poller?.ask()) === before && performance.now() - written < 1000);
      note(output, performance.now() - written);
      await pause(periodMs);
    }
  } finally {
    p1.destroy();
    webSocket.terminate();
    for (const [, poller] of pollers) poller.close();
  }
  return [...found].map(
    ([output, ms]): OutputLatency => ({ output, medianMs: quantile(ms, 0.5), p95Ms: quantile(ms, 0.95) }),
  );
}

async function measureLoad(
  output: string,
  open: (ports: Ports) => Promise<Poller>,
  ports: Ports,
  bridge: BridgeProcess,
  send: () => Promise<void>,
  seconds: number,
): Promise<OutputLoad> {
  const pollers = await Promise.all(Array.from({ length: CLIENTS }, () => open(ports)));
  let answers = 0;
  let running = true;
  const polling = pollers.map(async (poller, index) => {
    await pause((index * POLL_MS) / CLIENTS);
    while (running) {
      const begun = performance.now();
      await poller.ask();
      answers++;
      await pause(Math.max(0, POLL_MS - (performance.now() - begun)));
    }
  });
  await pause(1000);
  const [cpu, begun] = [bridge.cpu(), performance.now()];
  answers = 0;
  while (performance.now() - begun < seconds * 1000) {
    await send();
    await pause(2000);
  }
  const elapsed = performance.now() - begun;
  const share = (bridge.cpu() - cpu) / (elapsed / 1000);
  const answered = answers / ((CLIENTS * elapsed) / POLL_MS);
  running = false;
  await Promise.all(polling);
  for (const poller of pollers) poller.close();
  return { output, share, answered };
}

async function socketTo(port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  socket.setNoDelay(true);
  await once(socket, "connect");
  return socket;
}

async function httpPoller(port: number, path: string): Promise<Poller> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        get({ host: HOST, port, path, agent }, (answer) => {
          let text = "";
          answer.on("data", (chunk) => {
            text += String(chunk);
          });
          answer.on("end", () => resolve(text));
        }).on("error", reject);
      }),
    close: () => agent.destroy(),
  };
}

async function modbusPoller(port: number): Promise<Poller> {
  const socket = await socketTo(port);
  return {
    async ask() {
      socket.write(READ_METER);
      return (await once(socket, "data"))[0].toString("hex");
    },
    close: () => socket.destroy(),
  };
}

async function udpPoller(port: number): Promise<Poller> {
  const socket = createSocket("udp4");
  return {
    async ask() {
      socket.send(RPC, port, HOST);
      return String((await once(socket, "message"))[0]);
    },
    close: () => socket.close(),
  };
}

const POLLERS: readonly (readonly [string, (ports: Ports) => Promise<Poller>])[] = [
  ["HomeWizard", ({ homewizard }) => httpPoller(homewizard, "/api/v1/data")],
  ["SunSpec", ({ sunspec }) => modbusPoller(sunspec)],
  ["Shelly (HTTP)", ({ shelly }) => httpPoller(shelly, "/rpc/EM.GetStatus?id=0")],
  ["Shelly (UDP)", ({ udp }) => udpPoller(udp)],
];
