/**
 * Latency from the last byte of a telegram to the message at a subscriber, for each layout at its line rate; compared with
 * a bare Node program (bare-program.ts) on its own line, alternating with the bridge, so that a noisy machine affects both.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type LayoutLine, promisedLayouts } from "../test/helpers/promised-layouts.ts";
import { PtyPair } from "../test/helpers/pty.ts";
import { BridgeProcess, type Broker, pause, quantile, Subscriber } from "./processes.ts";

const WARM_UP = 4;
/** Gap between two telegrams, long enough for caches to be cold. */
const GAP_MS = 400;

/** Milliseconds; `cpuMs` of the bridge for each telegram, all threads; `messages` for each telegram. */
export interface LayoutResult {
  readonly name: string;
  readonly messages: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly bareMedianMs: number;
  readonly bareP95Ms: number;
  readonly cpuMs: number;
}

export async function benchLayouts(broker: Broker, telegrams: number): Promise<LayoutResult[]> {
  const results: LayoutResult[] = [];
  for (const line of promisedLayouts(Date.now())) results.push(await benchLayout(broker, line, telegrams));
  return results;
}

async function benchLayout(broker: Broker, line: LayoutLine, telegrams: number): Promise<LayoutResult> {
  const [pty, barePty] = [await PtyPair.open(), await PtyPair.open()];
  const subscriber = await Subscriber.connect(broker.url);
  const bareSubscriber = await Subscriber.connect(broker.url, "bare");
  const bridge = new BridgeProcess({
    KAIFA2MQTT_METER_PORT: pty.device,
    KAIFA2MQTT_METER_KEY: line.key,
    KAIFA2MQTT_METER_BAUD_RATE: String(line.baudRate),
    KAIFA2MQTT_METER_ID: "bench",
    KAIFA2MQTT_MQTT_SERVER: broker.url,
  });
  const bare = fork(fileURLToPath(new URL("bare-program.mjs", import.meta.url)), [barePty.device, broker.url]);
  try {
    await Promise.all([bridge.listening(), once(bare, "message")]);
    const latencies: number[] = [];
    const bareLatencies: number[] = [];
    let [cpu, messages] = [0, 0];
    const ofMeter = (): number => {
      let sum = 0;
      for (const [topic, count] of subscriber.counts) {
        if (/^kaifa2mqtt\/bench(\/[\d:.-]+)?$/.test(topic)) sum += count;
      }
      return sum;
    };
    for (let n = 0; n < telegrams + WARM_UP; n++) {
      if (n === WARM_UP) [cpu, messages] = [bridge.cpu(), ofMeter()];
      const bytes = line.telegram(Date.now());
      const power = subscriber.next(/\/1\.7\.0$/);
      await pty.writeAtLineRate(bytes, line.baudRate);
      const written = performance.now();
      const latency = (await power) - written;
      await pause(GAP_MS);
      bare.send(bytes.length);
      const copied = bareSubscriber.next(/^bare$/);
      await barePty.writeAtLineRate(bytes, line.baudRate);
      const bareWritten = performance.now();
      const bareLatency = (await copied) - bareWritten;
      // At 115,200 baud a telegram is short, and the meter pauses for seconds.
      await pause(line.baudRate > 9600 ? 2000 : GAP_MS);
      if (n < WARM_UP) continue;
      latencies.push(latency);
      bareLatencies.push(bareLatency);
    }
    return {
      name: line.name,
      messages: Math.round((ofMeter() - messages) / telegrams),
      medianMs: quantile(latencies, 0.5),
      p95Ms: quantile(latencies, 0.95),
      bareMedianMs: quantile(bareLatencies, 0.5),
      bareP95Ms: quantile(bareLatencies, 0.95),
      cpuMs: ((bridge.cpu() - cpu) / telegrams) * 1000,
    };
  } finally {
    bare.kill();
    await bridge.stop();
    await subscriber.stop();
    await bareSubscriber.stop();
    await pty.close();
    await barePty.close();
  }
}
