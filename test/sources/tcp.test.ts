import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseTcpAddress, TcpSource } from "../../src/sources/tcp.ts";

const line = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 } as const;
let server: Server;
let port: number;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const open = (signal = new AbortController().signal) =>
  new TcpSource("127.0.0.1", port).open(signal, line)[Symbol.asyncIterator]();
async function connected() {
  const bytes = open();
  const [first] = await Promise.all([bytes.next(), sockets.length > 0 || once(server, "connection")]);
  expect(first.value).toHaveLength(0);
  return { bytes, socket: sockets[0] as Socket };
}

describe("a tcp source", () => {
  it("signals that it is open, and yields the received bytes", async () => {
    const { bytes, socket } = await connected();
    socket.write("abc");
    expect(Buffer.from((await bytes.next()).value as Uint8Array).toString()).toBe("abc");
    await bytes.return?.(undefined);
    await once(socket, "close");
  });

  it("pauses a server that sends faster than it is read, holds little, and then reads everything", async () => {
    const { bytes, socket } = await connected();
    const sent = Buffer.from(Array.from({ length: 4_000_000 }, (_, i) => (i * 7) & 0xff));
    socket.write(sent);
    // Nobody reads meanwhile; the sockets' own buffers fill up.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const received: Uint8Array[] = [];
    for (let length = 0; length < sent.length; ) {
      const { value } = await bytes.next();
      received.push(value as Uint8Array);
      length += (value as Uint8Array).length;
    }
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    await bytes.return?.(undefined);
  });

  it("reports a closed or broken connection as lost", async () => {
    for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      sockets = [];
      const { bytes, socket } = await connected();
      leave(socket);
      await expect(bytes.next()).rejects.toMatchObject({ code: "lost" });
    }
  });

  it("reports a closed port as refused and an unknown host as unreachable", async () => {
    server.close();
    await once(server, "close");
    await expect(open().next()).rejects.toMatchObject({ code: "refused" });
    const nowhere = new TcpSource("no-such-host.invalid", 1).open(new AbortController().signal, line);
    await expect(nowhere[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "unreachable" });
  });

  it("ends without an error when stopped, before and after the connection", async () => {
    const early = new AbortController();
    const pending = open(early.signal).next();
    early.abort();
    expect((await pending).done).toBe(true);

    const late = new AbortController();
    const bytes = open(late.signal);
    await bytes.next();
    const next = bytes.next();
    late.abort();
    expect((await next).done).toBe(true);
  });

  it("answers an AMIS meter that searches with the single byte E5, and sends nothing else", async () => {
    const { bytes, socket } = await connected();
    const heard: Uint8Array[] = [];
    socket.on("data", (chunk) => heard.push(chunk));
    socket.write(Buffer.from("10 40 F0 30 16".replace(/ /g, ""), "hex"));
    await bytes.next();
    const pending = bytes.next();
    if (heard.length === 0) await once(socket, "data");
    socket.end("and then anything");
    await pending;
    await expect(bytes.next()).rejects.toMatchObject({ code: "lost" });
    expect(Buffer.concat(heard).toString("hex")).toBe("e5");
  });

  it("parses addresses", () => {
    expect(parseTcpAddress("tcp://host:4000")).toEqual({ host: "host", port: 4000 });
    expect(parseTcpAddress("tcp://[::1]:4000")).toEqual({ host: "::1", port: 4000 });
  });
});
