import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataFolderProblem } from "../../src/process/data-folder.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

describe("the data folder", () => {
  it("is accepted if it is ours, and created if it is missing", () => {
    const folder = join(temporaryFolder(), "data");
    expect(dataFolderProblem(folder)).toBeNull();
    writeFileSync(join(folder, "state.json"), "{}");
    expect(dataFolderProblem(folder)).toBeNull();
  });

  it("that is not a folder is left to the code that writes there", () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    expect(dataFolderProblem(join(file, "data"))).toBeNull();
    expect(readFileSync(file, "utf8")).toBe("");
  });
});
