/**
 * Outputs for other machines: latency of a reading at their clients, and CPU time with 50 clients polling ten times a second.
 * One bridge with all outputs and MQTT, on a PTY at 2400 baud; compared with a bare Node program with the same servers
 * (bare-outputs.ts) on its own line, alternating with the bridge.
 */
import { DEMO_KEY, SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { freePort } from "../test/helpers/free-port.ts";
import { PtyPair } from "../test/helpers/pty.ts";
import type { BarePorts } from "./bare-outputs.ts";
import { Helper } from "./many-meters.ts";
import type { ClientAnswer } from "./output-clients.ts";
import { type Connection, openConnection } from "./output-connection.ts";
import { HOST, type MeasuredOutput, OUTPUTS } from "./output-protocol.ts";
import { BridgeProcess, type Broker, pause, quantile } from "./processes.ts";

const CLIENTS = 50;
const POLL_MS = 100;
const UDP_PORTS = 1;
const WARM_UP = 3;
/** Gap between two telegrams. */
const GAP_MS = 400;
/** The bare program gets only this many bytes of each telegram, at the same rate: 60 ms. */
const TAIL = 13;

type Clients = Helper<"count", ClientAnswer>;
type Ports = BarePorts["ports"];

export interface OutputLatency {
  readonly output: string;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly bareMedianMs: number;
  readonly bareP95Ms: number;
  /** Mean number of answers with the old reading after the last byte. */
  readonly polls: number;
}
export interface OutputLoad {
  readonly output: string;
  /** Share of one core, including telegrams and MQTT. */
  readonly share: number;
  readonly bareShare: number;
  /** Answers as a share of those expected by 50 clients at 10 Hz. */
  readonly answered: number;
}

/**
 * @param only names of outputs; none: all
 * @param telegrams number of telegrams for the latency of each output; followed by `seconds` of load
 */
export async function benchOutputs(broker: Broker, only: readonly string[], telegrams: number, seconds: number) {
  const outputs = OUTPUTS.filter(({ name }) => only.length === 0 || only.includes(name));
  const [line, bareLine] = [await PtyPair.open(), await PtyPair.open()];
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
  const bare = new Helper<number, BarePorts>("bare-outputs.mjs", [bareLine.device]);
  const meter = new SimulatedMeter({ start: Date.now() });
  const telegram = (): Uint8Array => meter.telegram(Date.now());
  try {
    const { ports: barePorts } = await bare.answer("ports");
    await bridge.listening(1 + 4 + UDP_PORTS);
    for (let warm = 0; warm < WARM_UP; warm++) {
      await line.writeAtLineRate(telegram());
      await pause(GAP_MS);
    }
    const latencies: OutputLatency[] = [];
    for (const output of outputs) {
      const client = await openConnection(output.kind, ports[output.port], output.path);
      const bareClient = await openConnection(output.kind, barePorts[output.port], output.path);
      const [ms, bareMs, polls]: [number[], number[], number[]] = [[], [], []];
      for (let round = 0; round < telegrams; round++) {
        const bytes = telegram();
        const result = await untilChanged(line, bytes, output, client);
        ms.push(result.ms);
        polls.push(result.asked);
        await pause(GAP_MS);
        bare.ask(TAIL);
        await pause(20);
        bareMs.push((await untilChanged(bareLine, bytes.subarray(-TAIL), output, bareClient)).ms);
        await pause(GAP_MS);
      }
      client.close();
      bareClient.close();
      latencies.push({
        output: output.label,
        medianMs: quantile(ms, 0.5),
        p95Ms: quantile(ms, 0.95),
        bareMedianMs: quantile(bareMs, 0.5),
        bareP95Ms: quantile(bareMs, 0.95),
        polls: polls.reduce((sum, one) => sum + one, 0) / polls.length,
      });
    }
    const loads: OutputLoad[] = [];
    for (const output of outputs.filter(({ kind }) => !kind.endsWith("-push"))) {
      const send = (): Promise<void> => line.writeAtLineRate(telegram());
      const { share, answered } = await loadOf(output, ports, () => bridge.cpu(), send, seconds);
      const bareResult = await loadOf(
        output,
        barePorts,
        () => bare.cpu(),
        async () => undefined,
        seconds,
      );
      loads.push({ output: output.label, share, answered, bareShare: bareResult.share });
    }
    return { latencies, loads };
  } finally {
    bare.stop();
    await bridge.stop();
    await line.close();
    await bareLine.close();
  }
}

/**
 * Sends a telegram. A polling client keeps its connection, sends a request when the last byte is on the line, and again as soon as
 * it has an answer. @returns milliseconds from the last byte to the answer with the new reading, and the answers before it
 */
async function untilChanged(
  line: PtyPair,
  bytes: Uint8Array,
  { kind }: MeasuredOutput,
  client: Connection,
): Promise<{ ms: number; asked: number }> {
  const polls = !kind.endsWith("-push");
  const next = (): Promise<string> => new Promise((resolve) => Object.assign(client, { onAnswer: resolve }));
  let before = "";
  if (polls) {
    const answer = next();
    client.ask();
    before = await answer;
  }
  return new Promise((resolve, reject) => {
    let written = Number.NaN;
    let asked = 0;
    client.onAnswer = (body) => {
      const ms = performance.now() - written;
      if (body !== before) resolve({ ms, asked });
      else {
        asked++;
        client.ask();
      }
    };
    line.writeAtLineRate(bytes).then(() => {
      written = performance.now();
      if (polls) client.ask();
    }, reject);
  });
}

/** CPU time of a server while 50 clients poll. */
async function loadOf(
  output: MeasuredOutput,
  ports: Ports,
  cpu: () => number,
  send: () => Promise<void>,
  seconds: number,
): Promise<{ share: number; answered: number }> {
  const { kind, port, path } = output;
  const args = [kind, String(ports[port]), path, String(CLIENTS), String(POLL_MS)];
  const clients: Clients = new Helper("output-clients.mjs", args);
  await clients.answer("ready");
  await pause(1500);
  clients.ask("count");
  await clients.answer("counted");
  const [before, begun] = [cpu(), performance.now()];
  while (performance.now() - begun < seconds * 1000) {
    await send();
    await pause(700);
  }
  const share = (cpu() - before) / ((performance.now() - begun) / 1000);
  clients.ask("count");
  const { answers } = await clients.answer("counted");
  const answered = answers / ((CLIENTS * (performance.now() - begun)) / POLL_MS);
  clients.stop();
  return { share, answered };
}
