import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Bridge } from "../../src/bridge.ts";
import { MAX_METERS } from "../../src/catalogue/meter-limits.ts";
import { configSchema } from "../../src/config/options.ts";
import { freePort } from "../helpers/free-port.ts";

type Schema = Record<string, unknown>;
const description = parse(readFileSync("docs/openapi.yaml", "utf8")) as {
  paths: Record<string, { get: { responses: Record<string, { content?: Record<string, { schema: Schema }> }> } }>;
  components: { schemas: Record<string, Schema> };
};

/** OpenAPI 3.0 as JSON Schema: `nullable` becomes a choice, and undescribed fields are errors. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, ...rest } = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, strict(part)]));
  if (rest.type === "object" && rest.properties !== undefined) rest.additionalProperties = false;
  return nullable === true ? { anyOf: [{ type: "null" }, rest] } : rest;
}

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: "api", ...(strict({ components: description.components }) as object) });
const problems = (path: string, status: number, value: unknown) => {
  const schema = description.paths[path]?.get.responses[status]?.content?.["application/json"]?.schema;
  const text = JSON.stringify(strict(schema)).replaceAll('"#/', '"api#/');
  const validate = ajv.compile(JSON.parse(text));
  return validate(value) ? [] : validate.errors;
};

describe("the API matches docs/openapi.yaml field by field", () => {
  let bridge: Bridge;
  let url = "";
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kaifa-api-"));
    const port = await freePort();
    const silent = () => undefined;
    const log = { error: silent, warn: silent, info: silent, debug: silent, child: () => log };
    bridge = new Bridge({
      config: {
        ...configSchema.parse({
          meters: [{ port: "simulator:?interval=1" }],
          mqtt: { server: ["mqtt://127.0.0.1:1"] },
          http: { enabled: true, host: "127.0.0.1", port },
        }),
        data_dir: folder,
      },
      version: "1.2.3",
      log,
      page: { assetsDir: folder },
    });
    await bridge.start();
    url = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    await bridge.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("with a running meter and a broker that is down", async () => {
    await expect
      .poll(
        async () => {
          const { meters } = (await (await fetch(`${url}/api/state`)).json()) as { meters: { values: unknown[] }[] };
          return meters[0]?.values.length;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(5);
    for (const path of ["/api/state", "/api/power", "/api/energy", "/api/ledger", "/health", "/live"]) {
      const query = path === "/api/ledger" ? `?range=day&date=${new Date().toISOString().slice(0, 10)}` : "";
      const answer = await fetch(url + path + query);
      expect(problems(path, answer.status, await answer.json()), path).toEqual([]);
    }
  });

  it("refuses parameters that do not match the description", async () => {
    for (const query of ["meter=x", "meter=-1", `meter=${MAX_METERS}`, "meter=0&meter=0", "span=1", "span=1e6"]) {
      expect((await fetch(`${url}/api/power?${query}`)).status, query).toBe(400);
    }
    expect((await fetch(`${url}/api/power?meter=7`)).status).toBe(404);
  });

  it("detects undescribed fields", () => {
    expect(problems("/live", 200, { live: true, more: 1 })).not.toEqual([]);
  });
});
