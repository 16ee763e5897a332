/** The limits that a user may reach: docs/scale.md names each with the number from the source, and reaching it is told. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { MAX_METERS, METER_LIMITS } from "../src/catalogue/meter-limits.ts";
import { MAX_BYTES } from "../src/config/read-text.ts";
import { MAX_DEPTH, MAX_NODES } from "../src/config/yaml-file.ts";
import { MAX_STREAMS } from "../src/http/event-streams.ts";
import { MAX_METERS as MAX_METERS_OF_PORT } from "../src/meter/identity.ts";
import { MAX_CODES } from "../src/meter/known-codes.ts";
import { MAX_CLIENTS } from "../src/sinks/output/listener.ts";
import { ConfigFolder, faultsOf } from "./helpers/config-folder.ts";

const SCALE = readFileSync("docs/scale.md", "utf8").replace(/\s+/g, " ");
const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const METER = `meter: { port: /dev/a, key: ${KEY} }\n`;

const meters = (count: number): string =>
  `meters:\n${Array.from({ length: count }, (_, n) => `  - { port: "tcp://10.0.0.1:${1000 + n}", key: ${KEY} }\n`).join("")}`;

it.each([
  ["meters", MAX_METERS, "meters", meters(MAX_METERS + 1)],
  ["values", MAX_NODES, "values", `a: &a [${"x, ".repeat(500)}x]\nb: [${"*a, ".repeat(500)}*a]\n${METER}`],
  ["bytes", MAX_BYTES, "bytes", `# ${"x".repeat(MAX_BYTES)}\n${METER}`],
  ["nesting", MAX_DEPTH, "levels", `${METER}a: ${"[".repeat(MAX_DEPTH + 5)}${"]".repeat(MAX_DEPTH + 5)}\n`],
])("configuration, %s: the limit is documented and the message names it", async (_, limit, unit, text) => {
  expect(SCALE).toContain(`${limit.toLocaleString("en")} ${unit}`);
  expect((await faultsOf(text)).some(({ allowed }) => allowed.includes(String(limit)))).toBe(true);
});

it("faults: all are counted, whatever their kind, and the message says how many it does not show", async () => {
  const folder = new ConfigFolder();
  folder.write("kaifa2mqtt.yaml", `${METER}${"mqtt: { server: mqtt://a }\n".repeat(301)}`);
  const error = (await folder.load().catch((caught: unknown) => caught)) as Error;
  const [, shown = "0", more = "0"] = /has (\d+) faults.* and (\d+) more$/s.exec(error.message) ?? [];
  expect(Number(shown)).toBe(300);
  expect(Number(more)).toBe(Number(shown) - 200);
  expect(SCALE).toContain("the first 200 are shown");
});

it.each([
  ["ledger", `the first ${METER_LIMITS.ledger} meters`],
  ["powerPlots", `power plots of the status page (${METER_LIMITS.powerPlots})`],
  ["statusPage", `its current values (${METER_LIMITS.statusPage},`],
  ["publicationHistory", `record of published meters (${METER_LIMITS.publicationHistory})`],
] as const)("%s: the number of meters is documented, and told at the start", async (name, text) => {
  expect(SCALE).toContain(text);
  const folder = new ConfigFolder();
  folder.write("kaifa2mqtt.yaml", `http: { enabled: true }\n${meters(METER_LIMITS[name] + 1)}`);
  const { warnings } = await folder.load();
  expect(warnings.join("\n")).toMatch(new RegExp(`\\b${METER_LIMITS[name]}\\b`));
});

// That the log says so is tested where it does: identity.test.ts, known-codes.test.ts, listener.test.ts, discovery/limits.test.ts.
it("limits while it runs are documented", () => {
  expect(SCALE).toContain(`${MAX_CODES} codes per meter and ${MAX_METERS_OF_PORT} meters per port`);
  expect(SCALE).toContain(`up to ${MAX_CLIENTS} clients`);
  expect(SCALE).toContain(`up to ${MAX_STREAMS} viewers`);
});
