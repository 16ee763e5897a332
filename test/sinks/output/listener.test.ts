import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Listener, MAX_CLIENTS } from "../../../src/sinks/output/listener.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { freePort } from "../../helpers/free-port.ts";
import { SILENT } from "./feeds.ts";

const started: Listener[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(started.splice(0).map((listener) => listener.stop()));
});

function listener(port: number, options: Partial<ConstructorParameters<typeof Listener>[0]> = {}): Listener {
  const one = new Listener({
    address: { host: "127.0.0.1", port },
    create: () => createServer(),
    log: SILENT,
    ...options,
  });
  started.push(one);
  return one;
}

async function client(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

describe("a listener", () => {
  it("serves its maximum of clients and disconnects one more at once", async () => {
    const port = await freePort();
    const one = listener(port, { maxClients: 2 });
    await one.start();
    const first = await client(port);
    await client(port);
    await once(await client(port), "close");
    expect(one.sockets.size).toBe(2);
    first.destroy();
    await expect.poll(() => one.sockets.size).toBe(1);
  });

  it("survives a thousand connections and keeps no more than 64", async () => {
    const port = await freePort();
    const warnings: string[] = [];
    const one = listener(port, { log: { ...SILENT, warn: (message: string) => void warnings.push(message) } });
    await one.start();
    let closed = 0;
    for (let i = 0; i < 1000; i++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.on("close", () => closed++);
      sockets.push(socket);
    }
    await expect.poll(() => closed, { timeout: 15_000 }).toBeGreaterThanOrEqual(1000 - 64);
    expect(one.sockets.size).toBeLessThanOrEqual(64);
    expect(warnings).toEqual([expect.stringContaining(`more than ${MAX_CLIENTS} clients`)]);
  });

  it("logs once that its port is in use, retries with back-off, and logs when it works", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const clock = new FakeClock();
    const lines: string[] = [];
    const note = (message: string) => void lines.push(message);
    const one = listener(port, { clock, log: { ...SILENT, warn: note, info: note } });
    await one.start();
    expect(one.listening).toBe(false);
    await clock.pass(1_000);
    await expect.poll(() => clock.pending).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/another program uses that port/);
    await new Promise((done) => other.close(done));
    await clock.pass(2_000);
    await expect.poll(() => one.listening).toBe(true);
    expect(lines[1]).toBe(`listening at 127.0.0.1:${port}`);
  });

  it("warns that a port open to the network is readable by everyone", async () => {
    const lines: string[] = [];
    const one = listener(await freePort(), {
      address: { host: "0.0.0.0", port: 0 },
      log: { ...SILENT, warn: (message) => void lines.push(message) },
    });
    await one.start();
    expect(lines[0]).toMatch(/everyone who can reach 0\.0\.0\.0:0 can read/);
  });

  it("disconnects its clients when it stops", async () => {
    const port = await freePort();
    const one = listener(port);
    await one.start();
    const socket = await client(port);
    await Promise.all([once(socket, "close"), one.stop()]);
    expect(one.listening).toBe(false);
  });
});
