/** A running bridge with secrets in every possible option: none appears in its log, topics, pages or files. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestBroker } from "../helpers/broker.ts";
import { ConfigFolder } from "../helpers/config-folder.ts";
import { freePort } from "../helpers/free-port.ts";
import { type BuiltProgram, buildProgram, start } from "../helpers/program.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const AUTHENTICATION_KEY = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
const OTHER_KEY = "A1B2C3D4E5F60718293A4B5C6D7E8F90";
const PASSWORD = "h@nter2:geheim";
const TOKEN = "page-token-4711";

let program: BuiltProgram;
let broker: TestBroker;
beforeAll(async () => {
  program = await buildProgram();
  broker = await TestBroker.start();
}, 60_000);
afterAll(async () => {
  await broker.stop();
  program.remove();
});

it("neither printed nor logged nor published nor served nor stored", async () => {
  const folder = new ConfigFolder();
  const port = await freePort();
  const log = join(folder.path, "bridge.log");
  folder.write("secrets.yaml", `key: ${OTHER_KEY.match(/../g)?.join(" ")}\n`);
  folder.write("token", `${TOKEN}\n`);
  folder.write(
    "kaifa2mqtt.yaml",
    [
      "meters:",
      `  - {port: "simulator:?interval=0.2&seed=1", id: one, key: "${KEY}", authentication_key: "${AUTHENTICATION_KEY}"}`,
      '  - {port: "simulator:?interval=0.2&seed=2", id: two, key: !secret key}',
      `mqtt: {server: "mqtt://user:${encodeURIComponent(PASSWORD)}@127.0.0.1:${broker.port}"}`,
      `log: {level: debug, file: ${log}}`,
      `http: {enabled: true, host: 127.0.0.1, port: ${port}}`,
      `data_dir: ${join(folder.path, "data")}`,
      "",
    ].join("\n"),
  );
  const env = { KAIFA2MQTT_HTTP_TOKEN_FILE: join(folder.path, "token") };
  const child = start(program.main, ["run"], { cwd: folder.path, env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await broker.until(() => ["one", "two"].every((id) => broker.retained.has(`kaifa2mqtt/${id}`)), "readings", 20_000);
    for (const path of ["/", "/api/state", "/metrics", "/health", "/nowhere"]) {
      for (const headers of [{}, { authorization: `Bearer ${TOKEN}` }]) {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
        said += `${path} ${JSON.stringify([...answer.headers])} ${await answer.text()}\n`;
      }
    }
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
  expect(said).toMatch(/"meters":/);
  for (const { topic, payload } of broker.sent) said += `${topic} ${payload}\n`;
  said += readFileSync(log, "utf8");
  for (const name of readdirSync(join(folder.path, "data"), { recursive: true, encoding: "utf8" })) {
    try {
      said += readFileSync(join(folder.path, "data", name), "utf8");
    } catch {
      // A folder or a socket.
    }
  }
  const digits = said.replace(/[^0-9a-f]/gi, "").toUpperCase();
  for (const key of [KEY, AUTHENTICATION_KEY, OTHER_KEY]) {
    expect(digits.includes(key)).toBe(false);
    expect(said).not.toContain(Buffer.from(key, "hex").toString("base64"));
  }
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), TOKEN]) expect(said.includes(secret)).toBe(false);
}, 60_000);
