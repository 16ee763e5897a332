/** Any file and environment yield a configuration or a ConfigError, never another exception, and no secret in it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { exampleYaml } from "../../src/config/describe.ts";
import { environmentName, OPTIONS } from "../../src/config/option-list.ts";
import { ConfigFolder } from "../helpers/config-folder.ts";

const folder = new ConfigFolder();
const SEED = { seed: 20261122, numRuns: 300 };

async function outcome(env: Record<string, string> = {}): Promise<string> {
  try {
    await folder.load(env);
    return "loaded";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const scalar = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(
    null,
    "",
    "auto",
    "mqtt://a",
    "/dev/a",
    "36C66639E48A8CA4D6BC8B282A793BBB",
    "__proto__",
    "constructor",
  ),
);
const name = fc.oneof(
  fc.constantFrom(
    ...OPTIONS.flatMap((row) => row.path).filter((key) => key !== "[]"),
    "meter",
    "key_hex_string",
    "__proto__",
  ),
  fc.string(),
);
const tree = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie("node"), { maxLength: 4 }),
    fc.dictionary(name, tie("node"), { maxKeys: 6 }),
  ),
})).node;

describe("any configuration is accepted or rejected cleanly", () => {
  it("any tree as JSON", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (value) => {
        folder.write("kaifa2mqtt.yaml", JSON.stringify(value) ?? "");
        await outcome();
      }),
      SEED,
    );
  });

  it("the example file with parts deleted, duplicated or replaced", async () => {
    const example = exampleYaml();
    const cut = fc.tuple(
      fc.nat(example.length),
      fc.nat(200),
      fc.oneof(fc.string(), fc.constantFrom("\t", "- ", "&a ", "*a", "!!binary ", "? ", "{", "|")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), async (cuts) => {
        let text = example;
        for (const [at, length, insert] of cuts) text = text.slice(0, at) + insert + text.slice(at + length);
        folder.write("kaifa2mqtt.yaml", text);
        await outcome();
      }),
      SEED,
    );
  });

  it("any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 300 }), async (text) => {
        folder.write("kaifa2mqtt.yaml", text);
        await outcome();
      }),
      SEED,
    );
  });

  it("any value in any variable", async () => {
    folder.write("kaifa2mqtt.yaml", "meter: {port: /dev/a}\n");
    const variable = fc.constantFrom(
      ...OPTIONS.map(environmentName),
      "KAIFA2MQTT_METERS_1_KEY",
      "KAIFA2MQTT_METER_KEY_FILE",
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(variable, fc.string({ unit: "binary" }), { maxKeys: 5 }), async (env) => {
        const text = await outcome(env);
        const password = env.KAIFA2MQTT_METER_KEY;
        if (password !== undefined && password.trim().length > 12) expect(text).not.toContain(password.trim());
      }),
      SEED,
    );
  });
});
