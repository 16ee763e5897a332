/**
 * What the bridge would cost with many meters if it did nothing: connects to each meter of a configuration, counts bytes, and
 * sends one message of constant content per telegram with MQTT.js (QoS 1, as the bridge does). It decodes and checks nothing.
 *
 *     bare-meters.mjs run --config FILE
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import mqtt from "mqtt";

/** Bytes of a telegram of Netz NÖ, and of its JSON. */
const TELEGRAM_BYTES = 282;
const PAYLOAD = JSON.stringify({ time: "2026-01-01T00:00:00", text: "x".repeat(260) });

const config = readFileSync(process.argv.at(-1) ?? "", "utf8");
const broker = /server: "([^"]+)"/.exec(config)?.[1] ?? "";
const client = await mqtt.connectAsync(broker, { writeCache: false });
const buffer = Buffer.alloc(16_384);
for (const [, port, id] of config.matchAll(/tcp:\/\/127\.0\.0\.1:(\d+)".*id: (\w+)/g)) {
  let bytes = 0;
  const callback = (count: number): boolean => {
    bytes += count;
    for (; bytes >= TELEGRAM_BYTES; bytes -= TELEGRAM_BYTES) {
      client.publish(`kaifa2mqtt/${id}`, PAYLOAD, { qos: 1, retain: true });
    }
    return true;
  };
  connect({ host: "127.0.0.1", port: Number(port), noDelay: true, onread: { buffer, callback } });
}
process.on("SIGTERM", () => process.exit());
