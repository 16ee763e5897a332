/** `health --wait` waits only while the health is undecided. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { command } from "../../src/commands/health.ts";
import { type Health, HealthServer } from "../../src/process/health.ts";
import { runCommand } from "../helpers/command-context.ts";

let folder: string;
let answers: Health[];
let asked: number;
let server: HealthServer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "kaifa2mqtt-health-"));
  asked = 0;
  server = new HealthServer(folder, () => answers[Math.min(asked++, answers.length - 1)] as Health);
  answers = [{ healthy: true, reasons: [] }];
  await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
const health = (options = {}) =>
  runCommand(command, {
    options,
    env: { KAIFA2MQTT_METER_PORT: "/dev/a", KAIFA2MQTT_DATA_DIR: folder },
    cwd: folder,
  });
const pending: Health = { healthy: false, reasons: ["nothing yet"], pending: true };

it("answers once the first telegram has arrived", async () => {
  answers = [pending, pending, { healthy: true, reasons: [] }];
  expect(await health({ wait: true })).toMatchObject({ code: 0, stdout: "healthy\n" });
  expect(asked).toBe(3);
});

it("answers at once if the fault is certain", async () => {
  answers = [{ healthy: false, reasons: ["the key does not fit"] }];
  expect(await health({ wait: true })).toMatchObject({ code: 1, stdout: "unhealthy: the key does not fit\n" });
  expect(asked).toBe(1);
});

it("never waits without the option", async () => {
  answers = [pending];
  expect(await health()).toMatchObject({ code: 1, stdout: "unhealthy: nothing yet\n" });
});
