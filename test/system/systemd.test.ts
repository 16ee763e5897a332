import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

const UNIT = "packaging/systemd/kaifa2mqtt.service";

describe("the systemd unit", () => {
  it("is accepted by systemd without complaints", () => {
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", UNIT], { encoding: "utf8" });
    expect({ status, output: (stdout + stderr).trim() }).toEqual({ status: 0, output: "" });
  });

  it("is hardened: systemd rates its exposure OK, at most 2.5 of 10", () => {
    const args = ["security", "--offline=true", "--no-pager", "--threshold=25", UNIT];
    const report = execFileSync("systemd-analyze", args, { encoding: "utf8" });
    expect(report).toMatch(/Overall exposure level for kaifa2mqtt.service: [0-2]\.\d OK/);
  });
});
