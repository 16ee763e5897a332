/** A client of an output with minimal work per answer. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { type ClientKind, HOST, READ_METER, RPC } from "./output-protocol.ts";

/** One connection: `onAnswer` is called with each complete answer or pushed frame. */
export interface Connection {
  ask(): void;
  onAnswer: (body: string) => void;
  close(): void;
}

/** @param path for HTTP and WebSocket */
export async function openConnection(kind: ClientKind, port: number, path: string): Promise<Connection> {
  const connection: Connection = { ask: () => undefined, onAnswer: () => undefined, close: () => undefined };
  if (kind === "udp") {
    const socket = createSocket("udp4");
    // Without the request's number.
    socket.on("message", (message) => connection.onAnswer(message.toString("latin1").slice(8)));
    connection.close = () => socket.close();
    socket.connect(port, HOST);
    await once(socket, "connect");
    let id = 0;
    connection.ask = () => socket.send(RPC.replace('"id":1', `"id":${++id % 10}`));
  } else if (kind === "websocket-push") {
    const socket = new WebSocket(`ws://${HOST}:${port}${path}`);
    socket.on("message", (data) => connection.onAnswer(String(data)));
    connection.close = () => socket.terminate();
    await once(socket, "open");
  } else {
    const socket = connect({ port: port, host: HOST, noDelay: true });
    connection.close = () => socket.destroy();
    await once(socket, "connect");
    const request =
      kind === "http"
        ? `GET ${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`
        : READ_METER;
    connection.ask = () => socket.write(request);
    let rest = "";
    socket.on("data", (chunk) => {
      rest += chunk.toString("latin1");
      if (kind === "http") {
        const end = rest.indexOf("\r\n\r\n");
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(rest)?.[1] ?? Number.NaN);
        if (end < 0 || rest.length < end + 4 + length) return;
        if (!rest.startsWith("HTTP/1.1 200")) throw new Error(rest);
        rest = rest.slice(end + 4);
      } else if (kind === "modbus" && rest.length < 9 + 2 * 107) return;
      const body = rest;
      rest = "";
      connection.onAnswer(body);
    });
  }
  return connection;
}
