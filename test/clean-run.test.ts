import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { setup } from "./clean-run.ts";

afterEach(() => {
  process.exitCode = undefined;
});

it("a run that leaves a folder behind has failed, and the folder is gone", () => {
  const before = tmpdir();
  const finish = setup();
  mkdtempSync(join(tmpdir(), "left-behind-"));
  expect(finish).toThrow(/left-behind-/);
  expect(process.exitCode).toBe(1);
  expect(tmpdir()).toBe(before);
});

it("a run that cleans up has not", () => {
  const finish = setup();
  finish();
  expect(process.exitCode).toBeUndefined();
});
