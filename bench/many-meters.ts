/** A hundred meters over `tcp://` in one process, each a telegram every five seconds. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { DEMO_KEY, SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { BridgeProcess, type Broker, pause, quantile, Subscriber } from "./processes.ts";

const PERIOD_MS = 5000;

export async function benchMany(broker: Broker, meters: number, seconds: number) {
  const subscriber = await Subscriber.connect(broker.url, "kaifa2mqtt/+/1.7.0");
  const sockets: (Socket | null)[] = Array.from({ length: meters }, () => null);
  const servers = await Promise.all(
    sockets.map(async (_, index) => {
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        sockets[index] = socket;
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      return { server, port: address.port };
    }),
  );
  const yaml = [
    "mqtt:",
    `  server: ${broker.url}`,
    "meters:",
    ...servers.flatMap(({ port }, n) => [`  - port: tcp://127.0.0.1:${port}`, `    key: ${DEMO_KEY}`, `    id: m${n}`]),
  ].join("\n");
  const bridge = new BridgeProcess({}, `${yaml}\n`);
  const simulated = sockets.map((_, index) => new SimulatedMeter({ start: Date.now(), seed: index + 1 }));
  const latencies: number[] = [];
  let lost = 0;
  const send = async (index: number): Promise<void> => {
    const power = subscriber.next(new RegExp(`/m${index}/`), 4000);
    const bytes = simulated[index]?.telegram(Date.now()) ?? new Uint8Array(0);
    const at = performance.now();
    sockets[index]?.write(bytes);
    await power.then(
      (seen) => latencies.push(seen - at),
      () => {
        lost += 1;
      },
    );
  };
  try {
    await bridge.listening(meters);
    const round = async (): Promise<void> => {
      const begun = performance.now();
      const sent: Promise<void>[] = [];
      for (let n = 0; n < meters; n++) {
        await pause(Math.max(0, begun + (n * PERIOD_MS) / meters - performance.now()));
        sent.push(send(n));
      }
      await Promise.all(sent);
      await pause(Math.max(0, begun + PERIOD_MS - performance.now()));
    };
    await round();
    await round();
    latencies.length = 0;
    lost = 0;
    const cpu = bridge.cpu();
    const begun = performance.now();
    while (performance.now() - begun < seconds * 1000) await round();
    return {
      meters,
      share: (bridge.cpu() - cpu) / ((performance.now() - begun) / 1000),
      medianMs: quantile(latencies, 0.5),
      p95Ms: quantile(latencies, 0.95),
      lost,
      rss: bridge.memory().rss,
    };
  } finally {
    await bridge.stop();
    await subscriber.stop();
    for (const { server } of servers) server.close();
    for (const socket of sockets) socket?.destroy();
  }
}
