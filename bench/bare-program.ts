/**
 * Baseline for the bridge's latency: a Node program that copies bytes from a port and sends one message when
 * it has received the length of a telegram. It decodes nothing.
 *
 *     node bare-program.mjs PORT BROKER
 *
 * Receives the length of the next telegram over IPC, because text telegrams vary in length.
 */
import { constants, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import mqtt from "mqtt";

const [port = "", broker = ""] = process.argv.slice(2);
const client = await mqtt.connectAsync(broker);
const telegram = Buffer.alloc(4096);
let wanted = 0;
let length = 0;
process.on("message", (bytes: number) => {
  wanted = bytes;
  length = 0;
});
const line = new ReadStream(openSync(port, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));
line.on("data", (chunk: Buffer) => {
  length += chunk.copy(telegram, length);
  if (length === wanted) client.publish("bare", "1", { retain: true });
});
process.send?.("ready");
