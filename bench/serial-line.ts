/**
 * Cost of the bridge on a serial line: a PTY on which bytes arrive one by one as from a CH340 adapter, 2400 baud, 8E1.
 * Memory, startup time, and recovery time after the adapter was unplugged.
 */
import { SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { PtyPair } from "../test/helpers/pty.ts";
import { BridgeProcess, type Broker, pause, Subscriber } from "./processes.ts";

const READING = /^kaifa2mqtt\/(?!bridge)[^/]+$/;

/** Resident memory in MB after 200 telegrams, and after this many more at full speed. */
export async function benchMemory(broker: Broker, telegrams: number) {
  const line = await PtyPair.open();
  const subscriber = await Subscriber.connect(broker.url, "kaifa2mqtt/+");
  const bridge = new BridgeProcess({ KAIFA2MQTT_METER_PORT: line.device, KAIFA2MQTT_MQTT_SERVER: broker.url });
  const meter = new SimulatedMeter({ start: Date.now() });
  let time = Date.now();
  try {
    await bridge.listening();
    const send = async (count: number, gapMs: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const reading = subscriber.next(READING);
        time += 5000;
        line.write(meter.telegram(time));
        await reading;
        if (gapMs > 0) await pause(gapMs);
      }
    };
    await send(200, 30);
    const first = bridge.memory();
    await send(telegrams, 0);
    return { after200: first, afterAll: bridge.memory(), telegrams: telegrams + 200 };
  } finally {
    await bridge.stop();
    await subscriber.stop();
    await line.close();
  }
}

/** Milliseconds from process start to the first power at a subscriber; a telegram is sent as soon as it listens. */
export async function benchStart(broker: Broker, starts: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < starts; n++) {
    const line = await PtyPair.open();
    const subscriber = await Subscriber.connect(broker.url, "kaifa2mqtt/+/1.7.0");
    const meter = new SimulatedMeter({ start: Date.now(), seed: 100 + n });
    const fits = /1\.7\.0$/;
    const power = subscriber.next(fits);
    const begun = performance.now();
    const bridge = new BridgeProcess({ KAIFA2MQTT_METER_PORT: line.device, KAIFA2MQTT_MQTT_SERVER: broker.url });
    // Opening flushes the port and drops pending bytes, so a telegram is sent every 10 ms.
    const feed = setInterval(() => line.write(meter.telegram(Date.now())), 10);
    try {
      times.push((await power) - begun);
    } finally {
      clearInterval(feed);
      await bridge.stop();
      await subscriber.stop();
      await line.close();
    }
  }
  return times;
}

/** Milliseconds from the return of an adapter unplugged for `awayMs` to the first reading; a telegram is sent every 200 ms. */
export async function benchReturn(broker: Broker, awayMs: number): Promise<number> {
  const line = await PtyPair.open();
  const subscriber = await Subscriber.connect(broker.url);
  const bridge = new BridgeProcess({ KAIFA2MQTT_METER_PORT: line.device, KAIFA2MQTT_MQTT_SERVER: broker.url });
  const meter = new SimulatedMeter({ start: Date.now() });
  let plugged = true;
  const feed = setInterval(() => plugged && line.write(meter.telegram(Date.now())), 200);
  try {
    await subscriber.next(READING);
    plugged = false;
    await line.unplug();
    await pause(awayMs);
    await line.plug();
    plugged = true;
    const back = performance.now();
    return (await subscriber.next(READING)) - back;
  } finally {
    clearInterval(feed);
    await bridge.stop();
    await subscriber.stop();
    await line.close();
  }
}
