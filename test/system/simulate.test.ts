/** `simulate` like users run it: the real program simulates a meter on a PTY, a server, standard output. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { openSource } from "../../src/sources/open-source.ts";
import { DEMO_KEY } from "../../src/sources/simulated-meter.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";

const LINE = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 } as const;
const key = Buffer.from(DEMO_KEY, "hex");
let program: BuiltProgram;
let folder: string;
const children: ChildProcessByStdio<null, Readable, Readable>[] = [];

beforeAll(async () => {
  program = await buildProgram();
  folder = mkdtempSync(join(tmpdir(), "kaifa-simulate-"));
});
afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

function simulate(...args: string[]) {
  const child = spawn(process.execPath, [program.main, "simulate", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  const said = new Promise<string>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("\n")) resolve(output);
    });
  });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const ended = once(child, "close").then(([code]) => code as number);
  return { child, said, ended, complaints: () => complaints };
}

/** The first telegrams from a port. */
async function telegramsFrom(port: string, count: number): Promise<DecoderEvent[]> {
  const stop = new AbortController();
  const decoder = createDecoder({ key });
  const events: DecoderEvent[] = [];
  for await (const chunk of openSource(port).open(stop.signal, LINE)) {
    events.push(...decoder.feed(chunk).filter(({ type }) => type === "telegram"));
    if (events.length >= count) stop.abort();
  }
  return events;
}

describe("simulate", () => {
  it("creates a PTY with the given name, sends there at line rate, and removes it when stopped", async () => {
    const path = join(folder, "ttyMeter");
    const { child, said, ended } = simulate(path, "--interval", "1.5");
    expect(await said).toContain(path);
    const [first, second] = await telegramsFrom(path, 2);
    expect(second?.type === "telegram" && first?.type === "telegram").toBe(true);
    // Readers may come and go.
    expect(await telegramsFrom(path, 1)).toHaveLength(1);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it("serves all clients, in the requested layout", async () => {
    const { said, child, ended } = simulate("tcp-listen:127.0.0.1:0", "--layout", "tinetz", "--interval", "0.1");
    const port = /tcp:\/\/\S+:\d+/.exec(await said)?.[0] ?? "";
    const readers = await Promise.all([telegramsFrom(port, 3), telegramsFrom(port, 3)]);
    for (const events of readers) {
      expect(events.map((event) => event.type === "telegram" && event.telegram.layout)).toEqual(
        Array(3).fill("nested"),
      );
    }
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  it("writes to standard output for a pipe, ends after a count, and simulates faults on request", async () => {
    const { child, ended } = simulate(
      "-",
      "--interval",
      "0",
      "--count",
      "200",
      "--faults",
      "all",
      "--fault-rate",
      "0.5",
    );
    const decoder = createDecoder({ key });
    const events: DecoderEvent[] = [];
    child.stdout.on("data", (chunk: Buffer) => events.push(...decoder.feed(chunk)));
    expect(await ended).toBe(0);
    events.push(...decoder.end());
    const telegrams = events.filter(({ type }) => type === "telegram").length;
    expect(telegrams).toBeGreaterThan(90);
    expect(telegrams).toBeLessThan(190);
    expect(events.some(({ type }) => type === "fault")).toBe(true);
  });

  it.each([
    ["an unknown layout", ["-", "--layout", "mars"], /netz-noe/],
    ["an unknown fault", ["-", "--faults", "rust"], /flip/],
    ["a key that is none", ["-", "--key", "12"], /32 hex digits/],
    ["a number that is none", ["-", "--interval", "soon"], /--interval/],
    ["a target that is none", ["tcp-listen:nowhere"], /tcp-listen:HOST:PORT/],
  ])("refuses %s as wrong usage", async (_name, args, reason) => {
    const { child, ended } = simulate(...args);
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    expect(await ended).toBe(2);
    expect(errors).toMatch(reason);
  });

  it("says why a target cannot be used", async () => {
    const { child, ended } = simulate(join(folder, "no/such/folder/tty"));
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    expect(await ended).toBe(1);
    expect(errors).toMatch(/ENOENT/);
  });

  it("delivers complete telegrams to a busy device, or none with a log line", async () => {
    const [meter, reader] = [join(folder, "meter"), join(folder, "reader")];
    const socat = spawn("socat", [`pty,raw,echo=0,link=${meter}`, `pty,raw,echo=0,link=${reader}`]);
    await expect.poll(() => existsSync(meter) && existsSync(reader)).toBe(true);
    try {
      const { ended, complaints } = simulate(meter, "--interval", "0.05", "--baud-rate", "115200", "--count", "12");
      // Reads a little, then pauses: pipes and line fill up and drain again.
      const stream = createReadStream(reader, { highWaterMark: 64 });
      const decoder = createDecoder({ key });
      const events: DecoderEvent[] = [];
      // Ends when the line is removed.
      void (async () => {
        let turn = 0;
        for await (const chunk of stream) {
          events.push(...decoder.feed(chunk as Buffer));
          if (++turn % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
        }
      })().catch(() => undefined);
      const code = await ended;
      const count = () => events.filter(({ type }) => type === "telegram").length;
      const leftOut = () => Number(/(\d+) telegrams were skipped/.exec(complaints())?.[1] ?? 0);
      await expect.poll(() => count() + leftOut(), { timeout: 20_000 }).toBe(12);
      expect(code).toBe(0);
      expect(count()).toBeGreaterThan(0);
      expect(events.filter(({ type }) => type === "fault")).toEqual([]);
    } finally {
      socat.kill();
      await once(socat, "exit");
    }
  }, 60_000);
});
