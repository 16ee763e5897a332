import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { QUANTITIES } from "../../src/catalogue/quantities.ts";

/** Tariff rows are documented in words. */
const totals = QUANTITIES.filter(({ code }) => !/\.8\.[1-9]$/.test(code));

it("docs/mqtt.md names every quantity with its key and unit, and none that is not in the table", () => {
  const rows = readFileSync("docs/mqtt.md", "utf8").match(/^\| `[\d.:-]+` \| `.*$/gm);
  expect(rows).toEqual(
    totals.map(({ code, key, unit, name }) => `| \`${code}\` | \`${key}\` | ${unit ?? ""} | ${name.en} |`),
  );
});
