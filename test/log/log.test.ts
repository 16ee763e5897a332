import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLogger, type LoggerOptions } from "../../src/log/log.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

class Console extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

function logger(options: Partial<LoggerOptions> = {}) {
  const stream = new Console();
  const now = () => new Date(2026, 10, 22, 13, 5, 9);
  return { stream, log: createLogger({ level: "info", format: "text", stream, now, ...options }) };
}

const folder = () => temporaryFolder("kaifa2mqtt-log-");

describe("lines", () => {
  it("as text: local time, level, labels, message, details", async () => {
    const { log, stream } = logger();
    log.info("started");
    log.child({ component: "meter", meter: "house" }).warn("silence", { seconds: 30 });
    await log.close();
    expect(stream.lines).toEqual([
      "2026-11-22 13:05:09 info  started",
      '2026-11-22 13:05:09 warn  [meter house] silence {"seconds":30}',
    ]);
  });

  it("as JSON: one object per line with the same fields", async () => {
    const { log, stream } = logger({ format: "json" });
    log.child({ component: "mqtt" }).child({ meter: "a" }).error("two\nlines", { code: "x" });
    await log.close();
    expect(stream.lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: new Date(2026, 10, 22, 13, 5, 9).toISOString(),
        level: "error",
        component: "mqtt",
        meter: "a",
        message: "two\nlines",
        code: "x",
      },
    ]);
  });

  it("a message below the level is not built", async () => {
    const { log, stream } = logger({ level: "warn" });
    let made = 0;
    const message = () => `made ${++made}`;
    log.info(message);
    log.debug(message);
    log.warn(message);
    await log.close();
    expect(made).toBe(1);
    expect(stream.lines).toEqual(["2026-11-22 13:05:09 warn  made 1"]);
  });

  it("external text cannot control the terminal or forge a line", async () => {
    const { log, stream } = logger();
    log.info("meter \u001b[2J\u0007\r\n2026-11-22 13:05:09 error forged");
    await log.close();
    expect(stream.text).not.toMatch(/[^\P{Cc}\n]/u);
    expect(stream.lines[1]).toMatch(/^ {4}/);
  });

  it.each(["text", "json"] as const)(
    "escapes invisible, reordering and line-breaking characters, as %s",
    async (format) => {
      const { log, stream } = logger({ format });
      const hostile = "name \u202Egnp.exe\u202C \u2028forged \u2029 \u200B \uFEFF \u0085 \u{E0041} \uD800 end";
      log.child({ meter: hostile }).warn(hostile, { detail: hostile });
      await log.close();
      expect(stream.text).not.toMatch(/[\p{Cf}\p{Zl}\p{Zp}\u0085\uFFFD]/u);
      expect(stream.lines.length).toBe(1);
      if (format === "json") expect(JSON.parse(stream.text).message).toBe(hostile);
      else expect(stream.text).toContain("name \\u202egnp.exe\\u202c \\u2028forged");
    },
  );

  it("details that JSON cannot represent are still logged", async () => {
    const { log, stream } = logger({ format: "json" });
    const circle: Record<string, unknown> = { big: 2n ** 70n };
    circle.self = circle;
    log.info("odd", { circle, bytes: new Uint8Array([1, 255]), error: new TypeError("bad") });
    await log.close();
    const line = JSON.parse(stream.text);
    expect(line).toMatchObject({ bytes: "01ff", error: { name: "TypeError", message: "bad" } });
    expect(line.circle.big).toBe("1180591620717411303424");
  });
});

it("may be closed twice, and ignores messages after that", async () => {
  const { log, stream } = logger();
  log.info("last");
  await Promise.all([log.close(), log.close()]);
  log.child({ component: "mqtt" }).error("late");
  await log.close();
  expect(stream.lines.length).toBe(1);
});

describe("secrets", () => {
  const bytes = Buffer.from(KEY, "hex");
  const spellings = [
    KEY,
    KEY.toLowerCase(),
    `0x${KEY}`,
    (KEY.match(/../g) ?? []).join(" "),
    (KEY.match(/../g) ?? []).join(":").toLowerCase(),
    (KEY.match(/.{8}/g) ?? []).join("-"),
    (KEY.match(/../g) ?? []).map((byte) => `0x${byte}`).join(", "),
    bytes.toString("base64"),
    [...bytes].join(","),
    JSON.stringify([...bytes]),
    JSON.stringify(new Uint8Array(bytes)),
    'p@ss w"rd',
    encodeURIComponent('p@ss w"rd'),
    JSON.stringify({ password: 'p@ss w"rd' }),
  ];

  it.each(["text", "json"] as const)("appear in no spelling and at no level, as %s", async (format) => {
    const file = join(folder(), "log");
    const { log, stream } = logger({ level: "debug", format, file, secrets: [KEY, 'p@ss w"rd'] });
    const hex = (text: string) => text.replace(/0x|[^0-9a-f]/gi, "").toUpperCase();
    for (const spelling of spellings) {
      log.error(`message ${spelling} end`);
      log.debug(() => `lazy ${spelling}`);
      log.warn("details", { value: spelling, deep: [{ [spelling]: spelling }], error: new Error(spelling) });
      log.info("bytes", { bytes, buffer: new Uint8Array(bytes), list: [...bytes] });
    }
    await log.close();
    for (const text of [stream.text, readFileSync(file, "utf8")]) {
      expect(text.split("\n").length).toBeGreaterThan(4 * spellings.length);
      expect(text).toContain("***");
      expect(hex(text)).not.toContain(KEY);
      for (const spelling of spellings) expect(text).not.toContain(spelling);
      expect(text).not.toContain("54,198,102");
      expect(text).not.toMatch(/p@ss|p%40ss/);
    }
  });

  it("that become known later are masked from then on", async () => {
    const { log, stream } = logger();
    const child = log.child({ component: "mqtt" });
    log.hide("from-the-supervisor");
    child.info("login with from-the-supervisor");
    await log.close();
    expect(stream.lines).toEqual(["2026-11-22 13:05:09 info  [mqtt] login with ***"]);
  });

  it("a very short one is masked only as a whole word", async () => {
    const { log, stream } = logger({ secrets: ["on"] });
    log.info("connection with password on");
    await log.close();
    expect(stream.lines).toEqual(["2026-11-22 13:05:09 info  connection with password ***"]);
  });
});

describe("the log file", () => {
  it("gets the same lines as the console, appended, readable by owner and group only", async () => {
    const file = join(folder(), "sub", "kaifa.log");
    for (const message of ["first", "second"]) {
      const { log } = logger({ file });
      log.info(message);
      await log.close();
    }
    expect(readFileSync(file, "utf8")).toBe("2026-11-22 13:05:09 info  first\n2026-11-22 13:05:09 info  second\n");
    expect(statSync(file).mode & 0o007).toBe(0);
  });

  it("is rotated by size: FILE, then FILE.1, never more", async () => {
    const file = join(folder(), "kaifa.log");
    const { log, stream } = logger({ file, maxFileBytes: 1_000 });
    for (let i = 0; i < 100; i++) log.info(`line ${i}`);
    await log.close();
    const now = readFileSync(file, "utf8");
    const before = readFileSync(`${file}.1`, "utf8");
    expect(now.length).toBeLessThanOrEqual(1_000);
    expect(before.length).toBeLessThanOrEqual(1_000);
    expect(before.length).toBeGreaterThan(900);
    expect(stream.text.endsWith(before + now)).toBe(true);
    expect(existsSync(`${file}.2`)).toBe(false);
  });

  it.each([
    ["a full disk", "/dev/full", "the disk is full"],
    ["a folder of that name", "/tmp", "it is a folder"],
  ])("%s is logged once, and logging continues", async (_, file, why) => {
    const { log, stream } = logger({ file });
    for (let i = 0; i < 5; i++) log.info(`line ${i}`);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    log.info("line 5");
    await log.close();
    expect(stream.lines.filter((line) => line.includes("line ")).length).toBe(6);
    const logLines = stream.lines.filter((line) => line.includes("cannot be written"));
    expect(logLines).toEqual([expect.stringContaining(why)]);
  });

  it.each([
    ["was removed", (file: string) => rmSync(file)],
    ["was renamed, as logrotate does", (file: string) => renameSync(file, `${file}.old`)],
    ["was in a folder that was moved", (file: string) => renameSync(dirname(file), `${dirname(file)}.old`)],
    ["was in a folder that was removed", (file: string) => rmSync(dirname(file), { recursive: true })],
    [
      "was replaced by another",
      (file: string) => {
        renameSync(file, `${file}.old`);
        writeFileSync(file, "");
      },
    ],
  ])("is made again when it %s", async (_, disturb) => {
    const file = join(folder(), "sub", "kaifa.log");
    const { log } = logger({ file });
    log.info("before");
    disturb(file);
    log.info("after");
    log.info("and later");
    await log.close();
    expect(readFileSync(file, "utf8")).toBe("2026-11-22 13:05:09 info  after\n2026-11-22 13:05:09 info  and later\n");
  });

  it("is written again once that is possible, and logs it", async () => {
    const file = join(folder(), "sub", "kaifa.log");
    let time = 0;
    const { LogFile } = await import("../../src/log/log-file.ts");
    const states: (string | undefined)[] = [];
    const stream = new LogFile({
      file,
      now: () => time,
      onState: (error, missing) => states.push(error?.code ?? `ok, ${missing} missing`),
    });
    mkdirSync(file, { recursive: true });
    stream.write("lost\n");
    rmSync(file, { recursive: true });
    stream.write("still lost: not tried again so soon\n");
    time += 60_000;
    stream.write("there\n");
    stream.end();
    expect(states).toEqual(["EISDIR", "ok, 2 missing"]);
    expect(readFileSync(file, "utf8")).toBe("there\n");
  });
});
