import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadYaml } from "../helpers/config-folder.ts";

async function faults(yaml: string): Promise<string[]> {
  try {
    await loadYaml(yaml);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ line, path, found, allowed }) => `${line} ${path}: ${found}; ${allowed}`);
  }
}

describe("the meter of an output", () => {
  it("need not be named if there is only one", async () => {
    expect(await faults("meter: {port: /dev/a}\noutputs: {p1: {listen: 127.0.0.1:2000}}")).toEqual([]);
  });

  it("must be named if there are several", async () => {
    const yaml =
      "meters: [{port: /dev/a, id: house}, {port: /dev/b, id: barn}]\noutputs:\n  p1: {listen: 127.0.0.1:2000}";
    expect(await faults(yaml)).toEqual(["3 outputs.p1[0].meter: nothing; the id of one of the meters: house, barn"]);
    expect(await faults(yaml.replace("2000}", "2000, meter: barn}"))).toEqual([]);
  });

  it("must be a configured one", async () => {
    const yaml = "meter: {port: /dev/a, id: house}\noutputs: {sunspec: {listen: 127.0.0.1:1502, meter: hose}}";
    expect(await faults(yaml)).toEqual(["2 outputs.sunspec[0].meter: `hose`; the id of one of the meters: house"]);
  });

  it("may be the meter's own number if no id is configured", async () => {
    expect(
      await faults('meters: [{port: /dev/a}, {port: /dev/b}]\noutputs: {p1: {port: /dev/c, meter: "1812"}}'),
    ).toEqual([]);
  });

  it("doesn't matter for an output that is off", async () => {
    expect(
      await faults("meters: [{port: /dev/a, id: a}, {port: /dev/b, id: b}]\noutputs: {homewizard: {mdns: true}}"),
    ).toEqual([]);
  });
});
