import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLogger } from "../../src/log/log.ts";
import { LogTail } from "../../src/log/log-tail.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

function logger(level: "info" | "debug" = "info") {
  const tail = new LogTail();
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
  return { tail, log: createLogger({ level, format: "text", stream, secrets: [KEY, "hunter2"], tail }) };
}

describe("the last lines of the log", () => {
  it("have level, labels and message, without secrets in any spelling", () => {
    const { tail, log } = logger();
    log.child({ component: "meter", meter: "house" }).warn(`tried ${KEY.toLowerCase().replace(/..(?=.)/g, "$& ")}`);
    log.error("login", { password: "hunter2" });
    log.debug("not shown at this level");
    expect(tail.after(0)).toMatchObject([
      { id: 1, level: "warn", component: "meter", meter: "house", message: "tried ***" },
      { id: 2, level: "error", component: null, meter: null },
    ]);
    expect(JSON.stringify(tail.after(0))).not.toMatch(/hunter2|36c6/i);
    expect(tail.after(1)).toHaveLength(1);
  });

  it("are bounded in number and length, without terminal control characters", () => {
    const { tail, log } = logger();
    for (let i = 0; i < 2_000; i++) log.info(`line ${i}`);
    log.info(`\u202Eevil${"x".repeat(100_000)}`);
    const lines = tail.after(0);
    expect(lines).toHaveLength(500);
    expect(lines.at(-1)?.message).toMatch(/^\\u202eevilx/);
    expect(lines.at(-1)?.message.length).toBeLessThan(1_100);
  });
});
