import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { forgetMeter, readStateFile, STATE_FILE, StateFile } from "../../src/acceptance/state-file.ts";
import type { Clock } from "../../src/process/clock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kaifa2mqtt-memory-"));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

class Log {
  readonly lines: string[] = [];
  warn = (message: string): void => void this.lines.push(`warn ${message}`);
  info = (message: string): void => void this.lines.push(`info ${message}`);
}

/** A clock that advances only on request. */
class ManualClock implements Clock {
  at = 0;
  readonly #timers: { due: number; act: () => void }[] = [];
  now = (): number => this.at;
  wall = (): number => this.at;
  after = (ms: number, act: () => void): (() => void) => {
    const timer = { due: this.at + ms, act };
    this.#timers.push(timer);
    return () => void this.#timers.splice(this.#timers.indexOf(timer), 1);
  };
  get pending(): number {
    return this.#timers.length;
  }
  advance(ms: number): void {
    this.at += ms;
    for (const timer of this.#timers.splice(0)) {
      if (timer.due <= this.at) timer.act();
      else this.#timers.push(timer);
    }
  }
}

const file = (): string => join(folder, STATE_FILE);
const stored = (): unknown => JSON.parse(readFileSync(file(), "utf8"));

describe("the state file", () => {
  test("returns the state of the meters after a restart", async () => {
    const memory = new StateFile(folder, new Log());
    expect(memory.load()).toEqual({});
    memory.watch(() => ({ A: { value: 1 } }));
    memory.watch(() => ({ B: { value: 2 } }));
    memory.touch();
    await memory.stop();
    await memory.stop();
    expect(new StateFile(folder, new Log()).load()).toEqual({ A: { value: 1 }, B: { value: 2 } });
    expect(readdirSync(folder)).toEqual([STATE_FILE]);
  });

  test("keeps up to 256 meters that are no longer configured", async () => {
    const meters = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`old${index}`, index]));
    writeFileSync(file(), JSON.stringify({ version: 1, meters }));
    const memory = new StateFile(folder, new Log());
    memory.load();
    memory.watch(() => ({ now: 1 }));
    memory.touch();
    await memory.stop();
    const reloaded = Object.keys(new StateFile(folder, new Log()).load());
    expect(reloaded).toHaveLength(257);
    expect(reloaded.at(-1)).toBe("now");
    expect(reloaded[0]).toBe("old44");
  });

  test("is written soon after the first telegram, then every five minutes, however many arrive", async () => {
    const clock = new ManualClock();
    let state = 0;
    const memory = new StateFile(folder, new Log(), clock);
    memory.watch(() => ({ A: state }));
    let writes = 0;
    for (let second = 0; second < 1200; second += 5) {
      state = second;
      memory.touch();
      expect(clock.pending).toBeLessThanOrEqual(1);
      const before = existsSync(file()) ? readFileSync(file(), "utf8") : "";
      clock.advance(5_000);
      if (clock.pending === 0) {
        await expect.poll(() => (existsSync(file()) ? readFileSync(file(), "utf8") : "")).not.toBe(before);
        writes++;
      }
    }
    expect(writes).toBeGreaterThanOrEqual(4);
    expect(writes).toBeLessThanOrEqual(5);
    await memory.stop();
    expect(stored()).toEqual({ version: 1, meters: { A: 1195 } });
  });

  test.each(["", "{", "[]", '{"version":2,"meters":{}}', '{"version":1,"meters":[]}', "\u0000\u0000\u0000"])(
    "that contains %j is renamed, and the bridge starts with empty state",
    (content) => {
      writeFileSync(file(), content);
      const log = new Log();
      expect(new StateFile(folder, log).load()).toEqual({});
      expect(log.lines).toEqual([expect.stringMatching(/^warn .*damaged/)]);
      expect(readFileSync(`${file()}.damaged`, "utf8")).toBe(content);
    },
  );

  test("with one deeply nested meter loses only that: the rest is kept, and the file is replaced", async () => {
    const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    writeFileSync(file(), `{"version":1,"meters":{"A":${nested},"B":{"value":2}}}`);
    const memory = new StateFile(folder, new Log());
    expect(memory.load()).toEqual({ B: { value: 2 } });
    memory.watch(() => ({ C: 3 }));
    memory.touch();
    await memory.stop();
    expect(stored()).toEqual({ version: 1, meters: { B: { value: 2 }, C: 3 } });
  });

  test("forgets a meter by its id, number or system title", () => {
    expect(forgetMeter(folder, "house")).toBe(0);
    const entry = { systemTitle: "4B464D6550000009", meterId: "181210000009", id: "house" };
    for (const id of ["house", "181210000009", "4B464D6550000009"]) {
      writeFileSync(
        file(),
        JSON.stringify({ version: 1, meters: { "4B464D6550000009": entry, other: { id: "flat" } } }),
      );
      expect(forgetMeter(folder, "nobody")).toBe(0);
      expect(forgetMeter(folder, id)).toBe(1);
      expect(readStateFile(folder)).toEqual({ other: { id: "flat" } });
      expect(readdirSync(folder)).toEqual([STATE_FILE]);
    }
  });

  test("that cannot be written is logged once, and so is its recovery", async () => {
    const blocked = join(folder, "blocked");
    writeFileSync(blocked, "a file where the folder should be");
    const clock = new ManualClock();
    const log = new Log();
    const memory = new StateFile(join(blocked, "data"), log, clock);
    expect(memory.load()).toEqual({});
    memory.watch(() => ({ A: 1 }));
    log.lines.length = 0;
    for (let attempt = 0; attempt < 3; attempt++) {
      memory.touch();
      clock.advance(600_000);
      await new Promise((resolve) => setImmediate(resolve));
      await expect.poll(() => log.lines.length).toBe(1);
    }
    expect(log.lines[0]).toMatch(/^warn cannot write/);
    rmSync(blocked);
    memory.touch();
    await memory.stop();
    expect(log.lines).toHaveLength(2);
    expect(log.lines[1]).toMatch(/^info .*again/);
    expect(new StateFile(join(blocked, "data"), new Log()).load()).toEqual({ A: 1 });
  });

  test("is old or new after kill -9 in the middle of a write, and temporary files are removed", async () => {
    const program = join(folder, "..", `${basename(folder)}-writer.mjs`);
    const stdin = `
      import { StateFile } from "./state-file.ts";
      const memory = new StateFile(process.argv[2], { warn() {}, info() {} });
      let round = 0;
      memory.watch(() => { round++; return { A: { round, pad: String(round).repeat(20000) } }; });
      process.stdout.write("ready");
      for (;;) { memory.touch(); await memory.stop(); }`;
    const resolveDir = join(import.meta.dirname, "../../src/acceptance");
    await build({
      stdin: { contents: stdin, resolveDir },
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
    });
    let killedInWrite = 0;
    for (let round = 0; round < 12; round++) {
      const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 5 + ((round * 7919) % 23)));
      child.kill("SIGKILL");
      await once(child, "exit");
      if (readdirSync(folder).some((name) => name.endsWith(".tmp"))) killedInWrite++;
      const log = new Log();
      const { A } = new StateFile(folder, log).load() as { A?: { round: number; pad: string } };
      expect(log.lines).toEqual([]);
      if (A !== undefined) expect(A.pad).toBe(String(A.round).repeat(20000));
      expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    }
    rmSync(program);
    expect(killedInWrite).toBeGreaterThan(0);
  });
});
