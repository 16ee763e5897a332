/** `outputs.sunspec` read by pysunspec2, pymodbus and mbpoll. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { outputTests } from "../helpers/output-tests.ts";

const { bridge, client } = outputTests();

describe("the SunSpec output", () => {
  it.each([
    ["integer", 203],
    ["float", 213],
  ])("with %s registers is read by pysunspec2 and pymodbus", async (model, id) => {
    const port = await freePort();
    await bridge(`  sunspec: { listen: "127.0.0.1:${port}", model: ${model}, unit_id: 7 }`);
    const reader = await client("sunspec.py", String(port), "7");
    const answer = await reader.json<{ meter: Record<string, number | null> }>();
    expect(answer).toMatchObject({
      models: [1, id],
      manufacturer: "Kaifa",
      serial: expect.stringMatching(/^18\d{10}$/),
      marker: [0x5375, 0x6e53],
      write: 1,
    });
    const { PhV, A, W, Hz, WphA, TotWhImp } = answer.meter;
    expect(PhV).toBeGreaterThan(200);
    expect(A).toBeGreaterThan(0);
    expect(W).toEqual(expect.any(Number));
    expect(TotWhImp).toBeGreaterThan(1000);
    // Values that this meter doesn't send are not implemented.
    expect([Hz, WphA]).toEqual([null, null]);
  });

  it("is read by mbpoll", async () => {
    const port = await freePort();
    await bridge(`  sunspec: { listen: "127.0.0.1:${port}" }`);
    const args = "-m tcp -a 1 -0 -r 40070 -c 2 -t 4 -1".split(" ");
    const { stdout } = await promisify(execFile)("mbpoll", [...args, "-p", String(port), "127.0.0.1"]);
    expect(stdout).toMatch(/\[40070\]:\s+203/);
    expect(stdout).toMatch(/\[40071\]:\s+105/);
  });
});
