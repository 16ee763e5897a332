import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** Rows of the table in docs/quality-scale.md: rules, how, tests. */
const rows = readFileSync("docs/quality-scale.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (rule|---)/.test(line))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

describe("docs/quality-scale.md", () => {
  it.each(rows.map(([rule = "", , tests = ""]) => [rule, tests] as const))("names tests that exist: %s", (_, tests) => {
    const named = [...tests.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, file = "", titles = ""] of named) {
      expect(existsSync(file)).toBe(true);
      const source = readFileSync(file, "utf8");
      for (const [, title] of titles.matchAll(/"([^"]+)"/g)) expect(source).toContain(`"${title}"`);
    }
  });

  it("has one row per rule", () => {
    const rules = rows.flatMap(([rule = ""]) => rule.split(", "));
    expect(rules.length).toBeGreaterThan(20);
    expect(new Set(rules).size).toBe(rules.length);
  });
});
