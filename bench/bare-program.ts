/**
 * What the latency of the bridge is compared with: a Node program that copies bytes from a port and sends one message when
 * it has as many as a telegram has. It decodes nothing.
 *
 *     node bare-program.mjs PORT BROKER
 *
 * The length of the next telegram comes over IPC, since the lengths of text telegrams vary.
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
