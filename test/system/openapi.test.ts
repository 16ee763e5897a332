/** docs/openapi.yaml against the real program, tested by schemathesis (PyPI): thousands of valid and invalid requests. */
import { execFile } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { pythonWithClients } from "../helpers/python-clients.ts";

const run = promisify(execFile);
const TOKEN = "a token for the test";

let program: BuiltProgram;
let schemathesis = "";
let bridge: BridgeProcess | null = null;

beforeAll(async () => {
  program = await buildProgram();
  schemathesis = join(dirname(await pythonWithClients()), "schemathesis");
}, 300_000);
afterAll(() => program?.remove());
afterEach(async () => {
  await bridge?.close();
  bridge = null;
});

async function start(http: string): Promise<string> {
  const port = await freePort();
  bridge = new BridgeProcess(program.main);
  bridge.start(`meter: { port: "simulator:?interval=1" }
mqtt: { enabled: false }
http: { enabled: true, host: 127.0.0.1, port: ${port}, ${http} }`);
  await bridge.says(/status page at/);
  return `http://127.0.0.1:${port}`;
}

/** Tests everything except `/events`, which never ends. @returns schemathesis's output */
async function examine(url: string, ...more: string[]): Promise<string> {
  const options = [
    ...["--url", url, "--exclude-path", "/events", "--phases", "examples,coverage,fuzzing", "--max-examples", "40"],
    // Methods other than GET are refused with 403, as cross-site requests, before their path is evaluated.
    ...[
      "--exclude-checks",
      "unsupported_method",
      "--generation-deterministic",
      "--no-color",
      "--request-timeout",
      "10",
    ],
  ];
  const { stdout } = await run(schemathesis, ["run", resolve("docs/openapi.yaml"), ...options, ...more], {
    timeout: 120_000,
    cwd: bridge?.folder,
  }).catch((error: { stdout?: string; stderr?: string }) => ({ stdout: `FAILED\n${error.stdout}\n${error.stderr}` }));
  return stdout;
}

describe("schemathesis", () => {
  it("finds no difference between the API and its description", async () => {
    const said = await examine(await start(""));
    expect(said).not.toMatch(/FAILED|Failures:|Errors:/);
    expect(said).toMatch(/Tested: +9|9 selected|Operations: +9/);
  }, 180_000);

  it("nor with a token, without which only liveness and health are served", async () => {
    const said = await examine(await start(`token: "${TOKEN}"`), "--header", `Authorization: Bearer ${TOKEN}`);
    expect(said).not.toMatch(/FAILED|Failures:|Errors:/);
  }, 180_000);
});
