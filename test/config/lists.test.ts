/** `lists:` in the configuration: faults are reported with file, line and what is allowed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lists-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HEAD = "meter:\n  port: /dev/ttyUSB0\n  key: 36C66639E48A8CA4D6BC8B282A793BBB\nlists:\n";
const load = (lists: string) => {
  writeFileSync(join(folder, "k.yaml"), HEAD + lists);
  return loadConfig({ file: "k.yaml", env: {}, cwd: folder });
};
async function faults(lists: string): Promise<string[]> {
  const error: unknown = await load(lists).catch((caught: unknown) => caught);
  if (!(error instanceof ConfigError)) throw new Error("no fault");
  return error.faults.map(({ line, path, found, allowed }) => `${line} ${path}: ${found}; ${allowed}`);
}

it("the example of the contract is accepted", async () => {
  const { config } = await load(`  - name: my-list
    elements:
      - { text: KFM_001 }
      - { role: meter_id }
      - { obis: 1.7.0, unit: W, scaler: 0, type: u32 }
      - skip
`);
  expect(config.lists[0]?.elements).toEqual([
    { text: "KFM_001" },
    { role: "meter_id" },
    { obis: "1.7.0", unit: "W", scaler: 0, type: "u32" },
    { skip: true },
  ]);
});

it("each fault has its line and what is allowed", async () => {
  const found = await faults(`  - name: a
    elements:
      - { text: A, obis: 1.7.0 }
      - { obis: 1.8.0, unit: kWh }
      - { obis: 1.7, unit: W }
  - name: b
    elements: [skip, { role: clock }]
  - name: b
    elements: [{ obis: 2.8.0 }]
`);
  expect(found).toEqual([
    "7 lists[0].elements[0]: text and obis; one of skip, text, bytes, role, obis",
    expect.stringMatching(/^8 lists\[0\]\.elements\[1\]\.unit: `kWh`; Wh, .*here: unit: Wh, with scaler: 3/),
    expect.stringMatching(/^9 lists\[0\]\.elements\[2\]\.obis: `1\.7`; an OBIS code such as 1\.8\.0/),
    "10 lists[1]: no register; at least one element with `obis`",
    "12 lists[2]: a second list with the name b; a unique name for each list",
  ]);
});

it("two lists that could match the same telegram are a fault of the second", async () => {
  const found = await faults(`  - { name: a, elements: [{ role: meter_id }, { obis: 1.7.0 }] }
  - { name: b, elements: [{ text: B }, { obis: 2.7.0 }] }
`);
  expect(found).toEqual([expect.stringMatching(/^6 lists\[1\]: a telegram could match both this list and a; /)]);
});

it("a list that overrides a built-in one is reported and used", async () => {
  const { warnings } = await load(`  - name: mine
    elements: [{ text: KFM_001 }, skip, skip, { obis: 1.7.0 }, skip, skip, skip, skip, skip]
  - name: other
    elements: [{ text: OTHER }, skip, skip, { obis: 1.7.0 }, skip, skip, skip, skip, skip]
`);
  expect(warnings.filter((one) => one.includes("list mine") || one.includes("list other"))).toEqual([
    "telegrams of the built-in list KFM_001-9 could match your list mine, too; yours takes precedence",
  ]);
});
