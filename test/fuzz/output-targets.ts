/**
 * Client input for the outputs for other machines, over real sockets. Each run starts an output, sends the input on
 * a separate connection, and fails unless the output still answers a valid request.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { HomewizardOutput } from "../../src/sinks/homewizard/homewizard-output.ts";
import { MeterFeed } from "../../src/sinks/output/meter-feed.ts";
import type { Output } from "../../src/sinks/output/output.ts";
import { ShellyOutput } from "../../src/sinks/shelly/shelly-output.ts";
import { MAX_MESSAGE, ShellyRpc } from "../../src/sinks/shelly/shelly-rpc.ts";
import { SunspecOutput } from "../../src/sinks/sunspec/sunspec-output.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { readingOf } from "../helpers/readings.ts";
import { partsOf, THREE_PHASES } from "../sinks/output/feeds.ts";

const LISTEN = { listen: "127.0.0.1:0", mdns: false } as const;
/** A valid answer is far shorter. */
const MAX_ANSWER = 20_000;

async function openSocket(output: Output): Promise<Socket> {
  const socket = connect(Number(output.status().address.split(":").at(-1)), "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function survives(
  output: Output,
  input: Uint8Array,
  request: Uint8Array | string,
  answer: RegExp,
): Promise<void> {
  await output.start();
  try {
    output.accept({ type: "reading", reading: readingOf(THREE_PHASES) });
    const bad = await openSocket(output);
    bad.resume();
    // In two pieces, cut at a position derived from the input.
    const cut = input.length === 0 ? 0 : (input[0] ?? 0) % input.length;
    bad.write(input.subarray(0, cut));
    bad.write(input.subarray(cut));
    const good = await openSocket(output);
    const closed = once(good, "close").then(() => []);
    good.write(request);
    const [data = Buffer.alloc(0)] = (await Promise.race([once(good, "data"), closed])) as Buffer[];
    good.destroy();
    bad.destroy();
    if (data.length > MAX_ANSWER || !answer.test(data.toString("latin1"))) {
      throw new Error(`no valid answer any more: ${data.toString("latin1")}`);
    }
  } finally {
    await output.stop();
  }
}

export async function fuzzModbus(input: Uint8Array): Promise<void> {
  const output = new SunspecOutput({ ...LISTEN, unit_id: 1, model: "integer" }, partsOf(new FakeClock()));
  await survives(output, input, Buffer.from("00010000000601039c860001", "hex"), /Ë$/);
}

export async function fuzzHomewizard(input: Uint8Array): Promise<void> {
  const output = new HomewizardOutput(LISTEN, partsOf(new FakeClock()));
  const request = "GET /api/v1/data HTTP/1.1\r\nhost: localhost\r\n\r\n";
  await survives(output, input, request, /^HTTP\/1\.1 200 OK[\s\S]*"active_power_w":2300/);
}

/** HTTP, WebSocket frames after an upgrade, and the text of an RPC over UDP. */
export async function fuzzShelly(input: Uint8Array): Promise<void> {
  const clock = new FakeClock();
  const output = new ShellyOutput({ ...LISTEN, udp: [], never_zero: false }, partsOf(clock));
  const request = "GET /rpc/EM.GetStatus HTTP/1.1\r\nhost: localhost\r\n\r\n";
  await survives(output, input, request, /^HTTP\/1\.1 200 OK[\s\S]*"total_act_power":2300\.0/);
  const feed = new MeterFeed(undefined, () => 5_000, clock);
  feed.take({ type: "reading", reading: readingOf(THREE_PHASES) });
  const rpc = new ShellyRpc(feed, { never_zero: false }, clock);
  const text = Buffer.from(input.subarray(0, MAX_MESSAGE)).toString("utf8");
  const { frame = "{}" } = rpc.answer(text) ?? {};
  JSON.parse(frame);
  if (frame.length > MAX_ANSWER + 4 * text.length) throw new Error(`an answer of ${frame.length} characters`);
}
