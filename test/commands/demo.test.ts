import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/commands/command.ts";
import { command } from "../../src/commands/demo.ts";
import { runCommand } from "../helpers/command-context.ts";

describe("the demo", () => {
  it("explains in its first lines what is shown and how to use a real meter, then shows the messages", async () => {
    // Entities are announced about a second after the first reading, once the broker's retained state has been read.
    const { code, stdout } = await runCommand(command, { options: { count: "12", interval: "0.2" } });
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    const introduction = lines.slice(0, 16).join("\n");
    expect(introduction).toMatch(/simulated/);
    expect(introduction).toMatch(/mqtt:\/\/127\.0\.0\.1:\d+/);
    expect(introduction).toMatch(/status page\s+http:\/\/127\.0\.0\.1:\d+/);
    for (const step of ["doctor", "kaifa2mqtt.yaml", "port:", "key:", "server:", "main.js run"]) {
      expect(introduction).toContain(step);
    }
    const shown = (topic: RegExp): boolean => lines.some((line) => topic.test(line));
    expect(shown(/^kaifa2mqtt\/\d+\/1\.8\.0 {2}\d+\.\d{3}$/)).toBe(true);
    expect(shown(/^kaifa2mqtt\/\d+ {2}\{"time":/)).toBe(true);
    expect(shown(/^homeassistant\/sensor\/kaifa2mqtt_\d+\/energy_import\/config {2}\{/)).toBe(true);
    expect(shown(/^kaifa2mqtt\/bridge\/state {2}offline$/)).toBe(true);
    // Messages in flight when the twelfth arrived count, too: on a busy machine more than one.
    const readings = /^The demo is over after (\d+) readings\.$/.exec(lines.at(-2) ?? "")?.[1];
    expect(Number(readings)).toBeGreaterThanOrEqual(12);
  });

  it("exits with code 0 when stopped, with a farewell", async () => {
    const { code, stdout } = await runCommand(command, {
      options: { interval: "0.2" },
      signal: AbortSignal.timeout(1500),
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/bridge\/state {2}offline\nThe demo is over after \d+ readings?\.\n$/);
  });

  it("refuses invalid numbers", async () => {
    await expect(runCommand(command, { options: { count: "many" } })).rejects.toThrow(UsageError);
  });
});
