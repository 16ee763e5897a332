/** An outdated Node is rejected in one line, whatever the command. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BuiltProgram, buildProgram, run } from "../helpers/program.ts";

const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as { engines: { node: string } };
const needed = engines.node.replace(">=", "");

let program: BuiltProgram;
const folder = mkdtempSync(join(tmpdir(), "kaifa2mqtt-node-"));
beforeAll(async () => {
  program = await buildProgram();
}, 60_000);
afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true });
});

/** Node pretending to be another version. */
function pretend(version: string): Record<string, string> {
  const file = join(folder, `${version}.cjs`);
  writeFileSync(file, `Object.defineProperty(process.versions, "node", { value: "${version}" });\n`);
  return { NODE_OPTIONS: `--require ${file}` };
}

it.each([
  [],
  ["run"],
  ["demo"],
  ["doctor"],
  ["check"],
  ["decode"],
  ["simulate"],
  ["health"],
  ["--version"],
  ["--help"],
])("before %j does anything else", async (...args) => {
  const outcome = await run(
    program.main,
    args.filter((arg) => arg !== undefined),
    { env: pretend("18.20.4") },
  );
  expect(outcome.code).toBe(1);
  expect(outcome.stdout).toBe("");
  expect(outcome.stderr).toMatch(/^error: kaifa2mqtt needs Node\.js .* and this is 18\.20\.4: .*\n$/);
  expect(outcome.stderr).toContain(`Node.js ${needed} or newer`);
});

it("the oldest supported version and newer ones are accepted", async () => {
  for (const version of [`${needed}.0`, "22.0.0"]) {
    expect(await run(program.main, ["--version"], { env: pretend(version) })).toMatchObject({ code: 0, stderr: "" });
  }
  expect((await run(program.main, ["--version"], { env: pretend("20.18.9") })).code).toBe(1);
});

it("the entry point contains nothing that an old Node cannot parse", () => {
  const entry = readFileSync(program.main, "utf8");
  expect(entry.length).toBeLessThan(3_000);
  expect(entry).not.toMatch(/\bawait\b|\?\.|\?\?/);
  // It loads only Node's own modules and two small parts of the bundle.
  expect(entry).toMatch(/import\("\.\/program-\w+\.js"\)/);
});
