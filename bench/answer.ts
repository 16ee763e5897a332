/**
 * Response time to an AMIS meter on a PTY at line rate: it waits half a second after its last byte. Measured alone and
 * under load, with twice as many busy processes as cores.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants, openSync } from "node:fs";
import { cpus } from "node:os";
import { ReadStream } from "node:tty";
import { SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { PtyPair } from "../test/helpers/pty.ts";
import { BridgeProcess, type Broker, pause, quantile } from "./processes.ts";

const PERIOD_MS = 300;

/** Milliseconds from the last byte of a telegram to E5 at the meter; `missing`: telegrams without an answer in time. */
export async function benchAnswer(broker: Broker, telegrams: number, busy: boolean) {
  const line = await PtyPair.open();
  const bridge = new BridgeProcess({
    KAIFA2MQTT_METER_PORT: line.device,
    KAIFA2MQTT_METER_BAUD_RATE: "9600",
    KAIFA2MQTT_METER_PARITY: "even",
    KAIFA2MQTT_MQTT_SERVER: broker.url,
  });
  const meter = new SimulatedMeter({ layout: "amis", start: Date.now() });
  const answers = new ReadStream(openSync(line.otherEnd, constants.O_RDWR | constants.O_NOCTTY));
  const load: ChildProcess[] = [];
  try {
    await bridge.listening();
    if (busy) for (let n = 0; n < 2 * cpus().length; n++) load.push(spawn(process.execPath, ["-e", "for(;;);"]));
    const times: number[] = [];
    let missing = 0;
    for (let n = 0; n < telegrams; n++) {
      const answered = new Promise<number>((resolve) => answers.once("data", () => resolve(performance.now())));
      await line.writeAtLineRate(meter.telegram(Date.now()), 9600);
      const written = performance.now();
      const at = await Promise.race([answered, pause(500).then(() => null)]);
      if (at === null) missing++;
      else times.push(at - written);
      await pause(PERIOD_MS);
    }
    return { medianMs: quantile(times, 0.5), mostMs: Math.max(...times), missing };
  } finally {
    for (const child of load) child.kill();
    answers.destroy();
    await bridge.stop();
    await line.close();
  }
}
