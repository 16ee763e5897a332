/**
 * Clients of outputs as a process of their own, so that their work doesn't delay the line. They keep their connections and write
 * requests and read answers with as little as the protocol needs.
 *
 *     output-clients.mjs KIND PORT PATH CLIENTS
 *
 * `watch`: asks again as soon as an answer is there (push: waits), until the answer is another one than the first; answers with the
 * time. `load`: every client asks at that interval until `count`, which gives the answers that came in time.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { type ClientKind, HOST, monotonicMs, READ_METER, RPC } from "./output-protocol.ts";

export type ClientRequest =
  | { readonly type: "watch" }
  | { readonly type: "load"; readonly periodMs: number }
  | { readonly type: "count" };
export type ClientAnswer =
  | { readonly type: "ready" }
  | { readonly type: "watching" }
  | { readonly type: "changed"; readonly at: number; readonly asked: number }
  | { readonly type: "counted"; readonly answers: number };

/** One connection: `onAnswer` is called with each whole answer, or pushed frame. */
interface Connection {
  ask(): void;
  onAnswer: (body: string) => void;
}

const [kind = "", port = "", path = "", clients = "1"] = process.argv.slice(2);
const tell = (answer: ClientAnswer): void => void process.send?.(answer);

async function open(): Promise<Connection> {
  const connection: Connection = { ask: () => undefined, onAnswer: () => undefined };
  if (kind === "udp") {
    const socket = createSocket("udp4");
    // Without the number of the request.
    socket.on("message", (message) => connection.onAnswer(message.toString("latin1").slice(8)));
    socket.connect(Number(port), HOST);
    await once(socket, "connect");
    let id = 0;
    connection.ask = () => socket.send(RPC.replace('"id":1', `"id":${++id % 10}`));
  } else if (kind === "websocket-push") {
    const socket = new WebSocket(`ws://${HOST}:${port}${path}`);
    socket.on("message", (data) => connection.onAnswer(String(data)));
    await once(socket, "open");
  } else {
    const socket = connect({ port: Number(port), host: HOST, noDelay: true });
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

const connections = await Promise.all(Array.from({ length: Number(clients) }, open));
let answers = 0;
let timers: NodeJS.Timeout[] = [];

function watch(connection: Connection): void {
  const pushed = (kind as ClientKind).endsWith("-push");
  let first: string | null = null;
  let asked = 0;
  connection.onAnswer = (body) => {
    const at = monotonicMs();
    if (!pushed && first === null) tell({ type: "watching" });
    first ??= pushed ? "" : body;
    if (body !== first) {
      connection.onAnswer = () => undefined;
      tell({ type: "changed", at, asked });
    } else {
      asked++;
      connection.ask();
    }
  };
  if (pushed) tell({ type: "watching" });
  else connection.ask();
}

function load(periodMs: number): void {
  timers = connections.map((connection, index) => {
    let waiting = false;
    connection.onAnswer = () => {
      waiting = false;
      answers++;
    };
    // A client whose answer is late skips its turn, so that late answers are missing in the count.
    const poll = (): void => {
      if (waiting) return;
      waiting = true;
      connection.ask();
    };
    const timer = setTimeout(
      () => {
        poll();
        timers[index] = setInterval(poll, periodMs);
      },
      (index * periodMs) / connections.length,
    );
    return timer;
  });
}

process.on("message", (request: ClientRequest) => {
  if (request.type === "watch") {
    const [connection] = connections;
    if (connection !== undefined) watch(connection);
  } else if (request.type === "load") load(request.periodMs);
  else {
    tell({ type: "counted", answers });
    answers = 0;
  }
});
process.on("disconnect", () => process.exit());
tell({ type: "ready" });
