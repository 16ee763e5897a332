/** An AMIS meter on a PTY, simulated by `simulate`, and the real program as its reader. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { ReadStream } from "node:tty";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import { SEARCH } from "../../src/sources/amis-answer.ts";
import { openSource } from "../../src/sources/open-source.ts";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { LAYOUTS } from "../../src/sources/simulator-layouts.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { freePort } from "../helpers/free-port.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const LINE = { baudRate: 9600, dataBits: 8, parity: "even", stopBits: 1 } as const;
const key = Buffer.from(DEMO_KEY, "hex");
let program: BuiltProgram;
let folder: string;
const children: ChildProcessByStdio<null, Readable, Readable>[] = [];

beforeAll(async () => {
  program = await buildProgram();
  folder = mkdtempSync(join(tmpdir(), "kaifa-amis-"));
}, 60_000);
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

/** The meter, and a promise for each line of its output. */
function meterAt(target: string) {
  const args = ["simulate", target, "--layout", "amis", "--search-interval", "1", "--interval", "0.2"];
  const child = spawn(process.execPath, [program.main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { says: async () => (await lines.next()).value as string };
}

describe("an AMIS meter", () => {
  it("is answered automatically, sends, and searches again when its reader is gone", async () => {
    const port = join(folder, "meter");
    const meter = meterAt(port);
    expect(await meter.says()).toContain("Siemens AMIS TD-351x");
    const stop = new AbortController();
    const decoder = createDecoder({ key });
    let read = 0;
    for await (const chunk of openSource(port).open(stop.signal, LINE)) {
      read += decoder.feed(chunk).filter(({ type }) => type === "telegram").length;
      if (read >= 15) stop.abort();
    }
    expect(read).toBeGreaterThanOrEqual(15);
    expect(await meter.says()).toBe("a reader answers: sending");
    // Without answers, it searches again after ten telegrams, and finds the next reader.
    expect(await meter.says()).toBe("no answer: searching");
    const again = new AbortController();
    for await (const chunk of openSource(port).open(again.signal, LINE)) {
      if (decoder.feed(chunk).some(({ type }) => type === "telegram")) again.abort();
    }
    expect(await meter.says()).toBe("a reader answers: sending");
  }, 60_000);

  it("is detected by doctor, also over tcp; a wrong key is reported as such", async () => {
    const port = await freePort();
    const meter = meterAt(`tcp-listen:127.0.0.1:${port}`);
    await meter.says();
    const doctor = async (hex: string) => {
      const args = ["doctor", "--port", `tcp://127.0.0.1:${port}`, "--key", hex, "--json"];
      const child = spawn(process.execPath, [program.main, ...args], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.push(child);
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      await once(child, "close");
      return JSON.parse(text) as { code: string };
    };
    expect(await doctor(DEMO_KEY)).toMatchObject({ code: "ok" });
    expect(await doctor("00".repeat(16))).toMatchObject({ code: "key-wrong" });
  }, 60_000);

  it("is the only one answered: not a byte is sent to any other meter in the fixtures and the simulator", async () => {
    const line = await PtyPair.open();
    const meter = new ReadStream(openSync(line.otherEnd, constants.O_RDWR | constants.O_NOCTTY));
    const heard: Buffer[] = [];
    const answered = once(meter, "data");
    meter.on("data", (bytes: Buffer) => heard.push(bytes));
    const stop = new AbortController();
    const others = [
      ...fixtureNames()
        .filter((name) => name !== "siemens-amis-netz-ooe")
        .map((name) => loadFixture(name).wire),
      ...LAYOUTS.filter(({ name }) => name !== "amis").map(({ name }) =>
        new SimulatedMeter({ layout: name, start: Date.now() }).telegram(Date.now()),
      ),
    ];
    const total = others.reduce((sum, wire) => sum + wire.length, 0);
    let read = 0;
    try {
      for await (const chunk of openSource(line.device).open(stop.signal, LINE)) {
        if (chunk.length === 0) {
          void (async () => {
            for (const wire of others) await line.writeAtLineRate(wire, 1_000_000);
          })();
        }
        read += chunk.length;
        if (read < total) continue;
        // All of them have been read. The line goes idle, and a search shows that the back channel works.
        if (read === total) setTimeout(() => line.write(SEARCH), 600);
        else break;
      }
      await answered;
      expect(Buffer.concat(heard).toString("hex")).toBe("e5");
    } finally {
      stop.abort();
      meter.destroy();
      await line.close();
    }
  }, 60_000);
});
