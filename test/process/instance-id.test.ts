import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { instanceId } from "../../src/process/instance-id.ts";

describe("the id of an installation", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "instance-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is the same at every start, and differs between installations", () => {
    const first = instanceId(join(folder, "one"));
    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(instanceId(join(folder, "one"))).toBe(first);
    expect(instanceId(join(folder, "two"))).not.toBe(first);
  });

  it("is the same at every start even if nothing can be stored", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const first = instanceId(join(file, "below"));
    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(instanceId(join(file, "below"))).toBe(first);
  });

  it("is created anew if the stored one is damaged", () => {
    writeFileSync(join(folder, "instance"), "\u0000".repeat(13));
    const fresh = instanceId(folder);
    expect(readFileSync(join(folder, "instance"), "utf8")).toBe(`${fresh}\n`);
  });
});
