/** The ledger of the real program: `kill -9` in the middle of a quarter, a full disk, `export` while the bridge runs. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { ClockedMeter, METER_KEY as KEY } from "../helpers/clocked-meter.ts";
import { type BuiltProgram, buildProgram, run } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const START = Date.parse("2026-11-22T12:08:00+01:00");

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

let bridge: BridgeProcess;
let line: PtyPair;
let meter: ClockedMeter;
beforeEach(async () => {
  bridge = new BridgeProcess(program.main);
  line = await PtyPair.open();
  meter = new ClockedMeter(START);
});
afterEach(async () => {
  await bridge.close();
  await line.close();
});

const start = (prefix: readonly string[] = []) => {
  bridge.start(
    `meter: { port: ${line.device}, key: ${KEY}, id: house }\nmqtt: { enabled: false }\nlog: { level: debug }\ntime_zone: Europe/Vienna`,
    { prefix },
  );
};

interface Row {
  readonly start: string;
  readonly end: string;
  readonly energy_import_wh: number;
  readonly mark: string;
}

async function rows(): Promise<Row[]> {
  const config = join(bridge.folder, "kaifa2mqtt.yaml");
  const { stdout } = await run(program.main, ["export", "--json", "--config", config]);
  return stdout.split("\n").flatMap((text) => (text === "" ? [] : [JSON.parse(text) as Row]));
}
const unmarked = async () => (await rows()).filter(({ mark }) => mark === "").map(({ start: at }) => at.slice(11, 16));

/** Sends telegrams five seconds apart by the meter's clock, accelerated, until that clock has passed a time. */
async function feedUntil(text: string): Promise<void> {
  const end = Date.parse(`2026-11-22T${text}+01:00`);
  while (meter.time < end) {
    line.write(meter.telegram());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Writes and flushes of the process below `ledger/`, by strace. */
function ledgerCalls(trace: string): { call: string; bytes: number }[] {
  // A call interrupted by another thread is split; its second half has the result.
  return readFileSync(trace, "utf8")
    .split("\n")
    .filter((text) => text.includes("/ledger/"))
    .map((text) => {
      const [, call = ""] = /^\d+ +(\w+)\(/.exec(text) ?? [];
      return { call, bytes: Number(/, (\d+)(?:\)| <unfinished)/.exec(text)?.[1] ?? 0) };
    });
}

describe("the ledger of the real program", () => {
  test("a quarter interrupted by kill -9 is complete, and the latest one is closed on stop", async () => {
    start();
    await bridge.says(/house|open|connected/i);
    await feedUntil("12:22:00");
    await expect.poll(async () => (await rows()).length).toBeGreaterThan(0);
    await bridge.stop("SIGKILL");
    meter.time += 30_000;
    start();
    await bridge.says(/house|open|connected/i);
    await feedUntil("12:46:00");
    await expect.poll(unmarked, { timeout: 10_000 }).toEqual(["12:15", "12:30"]);
    await bridge.stop();
    const all = await rows();
    expect(all.map(({ mark }) => mark)).toEqual(["gap", "", "", "gap"]);
    expect(all.at(-1)?.end).toMatch(/^2026-11-22T12:4[56]/);
    for (const [index, row] of all.entries()) if (index > 0) expect(row.start).toBe(all[index - 1]?.end);
  });

  test("the disk gets one write of one line and one flush per quarter, by the system calls of the process", async () => {
    const trace = join(bridge.folder, "trace");
    const calls = "trace=write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,rename,renameat2";
    start(["strace", "-D", "-f", "-y", "-qq", "-s", "0", "-e", calls, "-o", trace]);
    await bridge.says(/house|open|connected/i, 60_000);
    await feedUntil("12:16:00");
    await expect.poll(() => ledgerCalls(trace).length, { timeout: 20_000 }).toBeGreaterThan(0);
    const before = ledgerCalls(trace).length;
    await feedUntil("13:16:00");
    await expect.poll(unmarked, { timeout: 30_000 }).toEqual(["12:15", "12:30", "12:45", "13:00"]);
    const during = ledgerCalls(trace).slice(before);
    expect(during.map(({ call }) => call).sort()).toEqual(
      ["fdatasync", "write"].flatMap((call) => Array(4).fill(call)),
    );
    for (const { call, bytes } of during) if (call === "write") expect(bytes).toBeLessThan(60);
    await bridge.stop();
  });

  test("while the disk is full, quarters are kept in memory, and none is missing once there is space", async () => {
    mkdirSync(bridge.dataDir);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", bridge.dataDir]);
    try {
      start();
      await bridge.says(/house|open|connected/i);
      const ballast = join(bridge.dataDir, "ballast");
      try {
        writeFileSync(ballast, Buffer.alloc(1_000_000));
      } catch {
        // Deliberately full.
      }
      await feedUntil("13:02:00");
      await bridge.says(/cannot write the ledger: ENOSPC/);
      rmSync(ballast, { force: true });
      await feedUntil("13:16:00");
      await expect.poll(unmarked, { timeout: 10_000 }).toEqual(["12:15", "12:30", "12:45", "13:00"]);
      await bridge.stop();
    } finally {
      await bridge.stop("SIGKILL");
      execFileSync("umount", [bridge.dataDir]);
    }
  });
});
