/** The built program as a process: arguments, exit codes, signals, terminal output. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.ts";
import { ConfigFolder } from "../helpers/config-folder.ts";
import { loadFixture } from "../helpers/fixtures.ts";
import { type BuiltProgram, buildProgram, run, start } from "../helpers/program.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

const { wire } = loadFixture("kaifa-netz-noe");

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
}, 60_000);
afterAll(() => program.remove());

const exec = (args: string[], options = {}) => run(program.main, args, options);

describe("the command line", () => {
  it("--version and --help work anywhere and exit with 0", async () => {
    for (const args of [["--version"], ["check", "--version"], ["-V"]]) {
      expect(await exec(args)).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
    }
    const { code, stdout } = await exec(["--help"]);
    expect(code).toBe(0);
    for (const name of [
      "run",
      "check",
      "decode",
      "doctor",
      "simulate",
      "demo",
      "health",
      "migrate",
      "forget",
      "export",
      "backfill",
      "compare",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
    }
    expect((await exec(["decode", "--help"])).stdout).toContain("--auth-key");
  });

  it.each([
    [["chekc"], "unknown command 'chekc'"],
    [["check", "--bad"], "--bad"],
    [["check", "extra"], "too many arguments"],
    [["--log-level", "loud", "check"], "loud"],
    [["decode", "--key"], "argument missing"],
    [["decode", "--key", "12"], "--key: found 2 hex digits"],
    [["migrate"], "meter.json"],
  ])("%j is wrong usage: exit 2 and a line that says why", async (args, words) => {
    const { code, stdout, stderr } = await exec(args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(words);
    expect(stderr).not.toContain("    at ");
  });

  it("global options are accepted before and after the command", async () => {
    const folder = new ConfigFolder();
    folder.write("a.yaml", `meter: {port: /dev/a, key: ${KEY}}\n`);
    for (const args of [
      ["--config", "a.yaml", "--log-level", "debug", "check"],
      ["check", "--log-level", "debug", "--config", "a.yaml"],
      ["-c", "a.yaml", "check", "--log-level=debug"],
    ]) {
      const { code, stdout } = await exec(args, { cwd: folder.path });
      expect(code).toBe(0);
      expect(stdout).toMatch(/level: debug/);
      expect(stdout).toMatch(/port: \/dev\/a/);
    }
  });
});

describe("an invalid configuration", () => {
  it.each([["run"], ["check"], []])(
    "exit 78, every fault at once, no stack, nothing on standard output (%s)",
    async (...args) => {
      const folder = new ConfigFolder();
      folder.write("kaifa2mqtt.yaml", `meter:\n  port: tcp://a\n  key: ${KEY}1\nmqtt: {version: 6}\n`);
      const { code, stdout, stderr } = await exec(
        args.filter((arg) => arg !== undefined),
        { cwd: folder.path },
      );
      expect(code).toBe(78);
      expect(stdout).toBe("");
      expect(stderr.split("\n")).toEqual([
        "The configuration has 3 faults:",
        expect.stringMatching(/^ {2}kaifa2mqtt\.yaml:2: meter\.port: found `tcp:\/\/a`; allowed: /),
        expect.stringMatching(/^ {2}kaifa2mqtt\.yaml:3: meter\.key: found 33 hex digits; allowed: 32 hex digits/),
        expect.stringMatching(/^ {2}kaifa2mqtt\.yaml:4: mqtt\.version: found `6`; allowed: 4/),
        "",
      ]);
      expect(stderr).not.toContain(KEY);
    },
  );
});

describe("decode as a process", () => {
  const args = ["decode", "--json", "--key", KEY];

  it("reads standard input, with and without a dash", async () => {
    const results = [await exec(args, { input: wire }), await exec([...args, "-"], { input: wire })];
    for (const { code, stdout, stderr } of results) {
      expect(code).toBe(0);
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({ meterId: "181220000009" });
    }
  });

  it("ends quietly if the reader closes the pipe", async () => {
    const child = start(program.main, args);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdin.on("error", () => undefined);
    child.stdin.write(wire);
    await once(child.stdout, "data");
    child.stdout.destroy();
    const feed = setInterval(() => child.stdin.write(wire), 5);
    const [code] = (await once(child, "exit")) as [number];
    clearInterval(feed);
    expect(code).toBe(0);
    expect(stderr).toBe("");
  });

  it("fails if the output cannot be written", async () => {
    const folder = new ConfigFolder();
    const file = folder.write("wire.bin", Buffer.from(wire).toString("hex"));
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [program.main, ...args, file], { stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(1);
    expect(stderr).toBe("error: the output cannot be written (ENOSPC)\n");
  });

  it("decodes 10 MB with garbage in between, in bounded memory", async () => {
    const child = start(program.main, args);
    const garbage = Buffer.alloc(150, "garbage ");
    const piece = Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat([wire, garbage])));
    const pieces = Math.ceil(10_000_000 / piece.length);
    let readings = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 0x0a) readings += 1;
    });
    for (let i = 0; i < pieces; i++) if (!child.stdin.write(piece)) await once(child.stdin, "drain");
    const status = await import("node:fs/promises").then((fs) => fs.readFile(`/proc/${child.pid}/status`, "utf8"));
    child.stdin.end();
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(0);
    expect(readings).toBe(pieces * 100);
    expect(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(200_000);
  });
});

describe("an internal error", () => {
  it("is reported with its stack and without secrets: exit 1", async () => {
    const code = `setTimeout(() => { throw new Error("bug with ${KEY.toLowerCase()}") }, 2000)`;
    const bug = `data:text/javascript,${encodeURIComponent(code)}`;
    const env = { NODE_OPTIONS: `--import=${bug}` };
    const { code: exitCode, stderr } = await exec(["simulate", "-", "--key", KEY], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("bug with ***");
    expect(stderr).toContain("    at ");
    expect(stderr.toUpperCase()).not.toContain(KEY);
  });
});

describe("signals", () => {
  it("a command waiting for input stops at once", async () => {
    const child = start(program.main, ["decode", "--key", KEY]);
    child.stdin.write(wire);
    await once(child.stdout, "data");
    const killed = performance.now();
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(0);
    expect(performance.now() - killed).toBeLessThan(3_000);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "%s stops a command that waits: exit 0, also when it comes twice in the same instant",
    async (signal) => {
      const child = start(program.main, ["simulate", "-", "--interval", "0.05"]);
      await once(child.stdout, "data");
      child.kill(signal);
      child.kill(signal === "SIGINT" ? "SIGTERM" : "SIGINT");
      const [code] = (await once(child, "exit")) as [number];
      expect(code).toBe(0);
    },
  );
});
