/**
 * Baseline for the outputs: a Node program with the same servers that decodes nothing. It copies bytes from a port, and
 * on the last byte of a telegram changes a number in otherwise constant answers of the same length as the bridge's.
 *
 *     node bare-outputs.mjs PORT
 *
 * Receives the length of the next telegram over IPC.
 */
import { createSocket } from "node:dgram";
import { constants, openSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ReadStream } from "node:tty";
import { WebSocketServer } from "ws";
import { HOST, type MeasuredOutput } from "./output-protocol.ts";

export interface BarePorts {
  readonly type: "ports";
  readonly ports: Readonly<Record<MeasuredOutput["port"], number>>;
}

const [path = ""] = process.argv.slice(2);
let number = 1000;
let wanted = 0;
let length = 0;
process.on("message", (bytes: number) => {
  wanted = bytes;
  length = 0;
});

const readers = new Set<Socket>();
const p1 = createServer({ noDelay: true }, (socket) => {
  readers.add(socket);
  socket
    .on("error", () => undefined)
    .on("close", () => readers.delete(socket))
    .resume();
});
const json = (): string => JSON.stringify({ power: number, text: "x".repeat(600) });
const http = createHttpServer((_request, response) => {
  const body = json();
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
});
const webSockets = new WebSocketServer({ server: http, perMessageDeflate: false });
const modbus = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.on("data", (request) => {
    const answer = Buffer.alloc(9 + 2 * 107);
    request.copy(answer, 0, 0, 8);
    answer.writeUInt16BE(number, 9);
    socket.write(answer);
  });
});
const udp = createSocket("udp4");
udp.on("message", (_message, { address, port }) => udp.send(json(), port, address));

const telegram = Buffer.alloc(4096);
const line = new ReadStream(openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));
line.on("data", (chunk: Buffer) => {
  length += chunk.copy(telegram, length);
  if (length !== wanted) return;
  number++;
  for (const socket of readers) socket.write(json());
  for (const client of webSockets.clients) client.send(json());
});

const listening = [p1, http, modbus].map(
  (server) =>
    new Promise<number>((resolve) => server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port))),
);
const udpPort = new Promise<number>((resolve) => udp.bind(0, HOST, () => resolve(udp.address().port)));
const [p1Port = 0, httpPort = 0, modbusPort = 0, datagrams = 0] = await Promise.all([...listening, udpPort]);
const ports = { p1: p1Port, homewizard: httpPort, shelly: httpPort, sunspec: modbusPort, udp: datagrams };
process.send?.({ type: "ports", ports } satisfies BarePorts);
process.on("disconnect", () => process.exit());
