/** docs/meters.md names only existing captures and lists, and every list. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { POSITION_LIST_NAMES } from "../../src/codec/lists/position-lists.ts";
import { fixtureNames } from "../helpers/fixtures.ts";

const TEXT = readFileSync(new URL("../../docs/meters.md", import.meta.url), "utf8");
const TABLES = TEXT.split("\n").filter((line) => line.startsWith("| "));

it("every named capture exists", () => {
  const names = fixtureNames();
  const named = TABLES.flatMap((row) =>
    [...(row.split("|").at(-2) ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name as string),
  );
  expect(named.length).toBeGreaterThan(40);
  const missing = named.filter(
    (name) => !names.some((one) => (name.startsWith("-") ? one.endsWith(name) : one === name)),
  );
  expect(missing).toEqual([]);
});

it("every documented positional list is named", () => {
  const lists = POSITION_LIST_NAMES.filter(
    (name) => !name.startsWith("LGZ-NetzBurgenland") && !name.startsWith("Wien-") && name !== "ISK-Kaernten-12",
  );
  const missing = lists.filter((name) => !TEXT.includes(name) && !TEXT.includes(name.replace("KFM_001", "")));
  expect(missing).toEqual([]);
});

it("every linked file exists", () => {
  for (const [, path] of TEXT.matchAll(/`((?:src|test)\/[^`]+)`/g)) {
    expect(existsSync(new URL(`../../${path}`, import.meta.url)), path).toBe(true);
  }
});
