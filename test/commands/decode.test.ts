import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeDataNotification } from "../../src/codec/apdu/data-notification.ts";
import type { AxdrValue } from "../../src/codec/axdr/axdr-encoder.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";
import { UsageError } from "../../src/commands/command.ts";
import { command } from "../../src/commands/decode.ts";
import { telegramToJson } from "../../src/commands/decode-output.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { runCommand } from "../helpers/command-context.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { netzNoe } from "../helpers/telegrams.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString("hex"));

function flags(name: string) {
  const { keys } = loadFixture(name);
  const key = hex(keys.key);
  const authKey = hex(keys.authenticationKey);
  return { ...(key === undefined ? {} : { key }), ...(authKey === undefined ? {} : { authKey }) };
}

const lines = (text: string) => text.split("\n").slice(0, -1);

describe("decode --json", () => {
  it.each(fixtureNames())("%s yields exactly its reading or its error", async (name) => {
    const { wire, expected: decoded } = loadFixture(name);
    // The codec does not report bytes without a frame; the command does.
    const expected = decoded.length === 0 ? [{ error: "framing" }] : decoded;
    const { code, stdout } = await runCommand(command, { options: { json: true, ...flags(name) }, input: [wire] });
    const printed = lines(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(printed.map((line) => ("error" in line ? { error: line.error } : line))).toEqual(expected);
    expect(code).toBe(expected.some((line) => "error" in line) ? 1 : 0);
  });

  it("has its keys in the order of the contract", async () => {
    const { wire } = loadFixture("kaifa-netz-noe");
    const { stdout } = await runCommand(command, {
      options: { json: true, ...flags("kaifa-netz-noe") },
      input: [wire],
    });
    expect(stdout).toMatch(
      /^\{"transport":"mbus","systemTitle":"4B464D6750000009","invocationCounter":35,"security":"encrypted","meterTime":"2021-09-27T09:47:15\+02:00","meterId":"181220000009","values":\[\{"obis":"1-0:1\.8\.0\*255","value":12937,"unit":"Wh"\},/,
    );
    expect(stdout.split("\n").length).toBe(2);
    const fault = await runCommand(command, { options: { json: true }, input: [wire] });
    expect(fault.stdout).toMatch(/^\{"error":"key-missing","message":"[^"]+","offset":0\}\n$/);
    expect(fault.code).toBe(1);
  });

  it("prints digits beyond the precision of a double, without rounding noise", () => {
    const telegram = {
      ...netzNoe(),
      registers: [
        { obis: "1-0:1.8.0*255", value: { coefficient: 18446744073709551615n, exponent: 0 }, unit: "Wh", scaler: 0 },
        { obis: "1-0:2.8.0*255", value: { coefficient: 18446744073709551615n, exponent: -3 }, unit: "Wh", scaler: -3 },
        { obis: "1-0:32.7.0*255", value: { coefficient: 2304, exponent: -1 }, unit: "V", scaler: -1 },
        { obis: "0-0:42.0.0*255", value: 'a "text"', unit: null, scaler: null },
      ],
    };
    expect(telegramToJson(telegram)).toContain(
      '"values":[{"obis":"1-0:1.8.0*255","value":18446744073709551615,"unit":"Wh"},{"obis":"1-0:2.8.0*255","value":18446744073709551.615,"unit":"Wh"},{"obis":"1-0:32.7.0*255","value":230.4,"unit":"V"},{"obis":"0-0:42.0.0*255","value":"a \\"text\\"","unit":null}]}\n',
    );
  });

  it("pure noise is one framing error, and so is an empty input", async () => {
    const noise = new Uint8Array(5_000).map((_, index) => (index * 7_919) % 251);
    for (const [input, message] of [
      [[noise], "no telegram in 5000 bytes"],
      [[], "the input is empty"],
    ] as const) {
      const { code, stdout } = await runCommand(command, { options: { json: true }, input });
      expect(lines(stdout).map((line) => JSON.parse(line))).toEqual([{ error: "framing", message, offset: 0 }]);
      expect(code).toBe(1);
    }
  });

  it("the offset of an error counts bytes, also in hex text", async () => {
    const good = loadFixture("kaifa-netz-noe");
    const bad = good.wire.map((byte, index) => (index === 40 ? byte ^ 1 : byte));
    const stream = Buffer.concat([good.wire, bad, good.wire]);
    const options = { json: true, ...flags("kaifa-netz-noe") };
    const binary = await runCommand(command, { options, input: [stream] });
    const text = await runCommand(command, { options, input: [Buffer.from(stream.toString("hex"))] });
    expect(binary.stdout).toBe(text.stdout);
    expect(lines(binary.stdout).map((line) => JSON.parse(line))).toMatchObject([
      { transport: "mbus" },
      { error: "checksum", offset: good.wire.length },
      { transport: "mbus" },
    ]);
  });
});

describe("decode", () => {
  it("prints a table", async () => {
    const { wire } = loadFixture("kaifa-netz-noe");
    const { code, stdout } = await runCommand(command, { options: flags("kaifa-netz-noe"), input: [wire] });
    expect(code).toBe(0);
    expect(stdout).toMatch(/meter +181220000009/);
    expect(stdout).toMatch(/1-0:1\.8\.0\*255 +Energy import +12937 Wh/);
  });

  it("reads files as separate streams, and reports an unreadable one", async () => {
    const cwd = temporaryFolder("kaifa2mqtt-decode-");
    const { wire } = loadFixture("kaifa-netz-noe");
    writeFileSync(join(cwd, "a.bin"), wire.subarray(0, 200));
    writeFileSync(join(cwd, "b.hex"), Buffer.from(wire.subarray(200)).toString("hex"));
    writeFileSync(join(cwd, "c.bin"), wire);
    const call = { cwd, options: { json: true, ...flags("kaifa-netz-noe") } };
    const halves = await runCommand(command, { ...call, args: ["a.bin", "b.hex"] });
    expect(halves.code).toBe(1);
    expect(halves.stdout).not.toContain("values");
    const both = await runCommand(command, { ...call, args: ["missing", "c.bin"] });
    expect(both.code).toBe(1);
    expect(both.stderr).toContain("missing cannot be read (there is no such file)");
    expect(lines(both.stdout).length).toBe(1);
  });

  it("takes the keys from the configuration if there are none on the command line, without needing a port", async () => {
    const { wire, keys } = loadFixture("kaifa-ksm-west-authenticated");
    const env = {
      KAIFA2MQTT_METER_KEY: hex(keys.key) ?? "",
      KAIFA2MQTT_METER_AUTHENTICATION_KEY: hex(keys.authenticationKey) ?? "",
    };
    const configured = await runCommand(command, { options: { json: true }, env, input: [wire] });
    expect(configured.code).toBe(0);
    expect(configured.hidden.length).toBe(2);
    const wrong = { ...env, KAIFA2MQTT_METER_AUTHENTICATION_KEY: "00".repeat(16) };
    expect((await runCommand(command, { options: { json: true }, env: wrong, input: [wire] })).stdout).toContain(
      "authentication",
    );
  });

  it("an unreadable configuration that was not named is ignored", async () => {
    const cwd = temporaryFolder("kaifa2mqtt-decode-");
    mkdirSync(join(cwd, "kaifa2mqtt.yaml"));
    const plain = loadFixture("kaifa-ma304-no-list2");
    const call = { cwd, options: { json: true }, input: [plain.wire] };
    const { code, stderr } = await runCommand(command, call);
    expect(stderr).toContain("note: no keys from the configuration");
    expect(code).toBe(0);
    await expect(runCommand(command, { ...call, options: { config: "kaifa2mqtt.yaml" } })).rejects.toThrow(ConfigError);
  });

  it("an invalid key is a usage error on the command line, and a configuration error in the file", async () => {
    const wrong = "36C6";
    await expect(runCommand(command, { options: { key: wrong } })).rejects.toThrow(UsageError);
    await expect(runCommand(command, { options: { authKey: wrong } })).rejects.toThrow(
      "--auth-key: found 4 hex digits",
    );
    await expect(runCommand(command, { env: { KAIFA2MQTT_METER_KEY: wrong } })).rejects.toThrow(ConfigError);
  });

  it("--accept judges the sequence: a telegram that the bridge would drop is an error at its position", async () => {
    const meter = new SimulatedMeter({ layout: "netz-noe", start: Date.UTC(2026, 10, 22) });
    const telegrams = [0, 5, 10, 15, 20, 25].map((seconds) => meter.telegram(Date.UTC(2026, 10, 22) + seconds * 1000));
    const [a, b, c, d, e, f] = telegrams as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const input = [Buffer.concat([a, b, d, c, e, f])];
    const options = { json: true, key: DEMO_KEY };
    const plain = await runCommand(command, { options, input });
    expect(plain.code).toBe(0);
    expect(lines(plain.stdout).length).toBe(6);
    const judged = await runCommand(command, { options: { ...options, accept: true }, input });
    expect(judged.code).toBe(1);
    const printed = lines(judged.stdout).map((line) => JSON.parse(line));
    expect(printed.filter((line) => "values" in line).length).toBe(5);
    expect(printed[3]).toMatchObject({ error: "implausible", offset: a.length + b.length + d.length });
    // A single telegram cannot contradict anything.
    const single = await runCommand(command, { options: { ...options, accept: true }, input: [a] });
    expect(single.code).toBe(0);
    expect(single.stdout).toBe(`${lines(plain.stdout)[0]}\n`);
  });

  it("the result does not depend on the chunks", async () => {
    const { wire } = loadFixture("kaifa-ksm-west");
    const options = { json: true, ...flags("kaifa-ksm-west") };
    const stream = Buffer.concat([wire, Buffer.from("garbage"), wire, wire.subarray(0, 100), wire]);
    const whole = await runCommand(command, { options, input: [stream] });
    for (const size of [1, 13, 300]) {
      const input = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.subarray(i * size, (i + 1) * size),
      );
      expect((await runCommand(command, { options, input })).stdout).toBe(whole.stdout);
    }
    expect(lines(whole.stdout).filter((line) => line.includes("values")).length).toBe(3);
  });
});

describe("decode of an unknown list", () => {
  const { wire, keys } = loadFixture("iskra-am550-si-9");
  // The list of nine with another number of elements is undocumented.
  const unknown = (i: number): Uint8Array => {
    const octets = (text: string): AxdrValue => ({ tag: "octetString", bytes: Buffer.from(text) });
    const u16 = (value: number): AxdrValue => ({ tag: "longUnsigned", value });
    const u32 = (value: number): AxdrValue => ({ tag: "doubleLongUnsigned", value });
    const items = [octets("NEW_1"), octets("1234567890"), u32(500), u16(2301), u16(2311), u16(2321), u32(7000 + i)];
    const body = encodeDataNotification({ tag: "structure", items });
    return encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), body]));
  };
  const captured = [0, 1, 2].map(unknown);

  it("writes a template that then reads it", async () => {
    const { code, stdout } = await runCommand(command, { input: captured });
    expect(code).toBe(1);
    expect(stdout).toContain("Fault (byte 0): unsupported");
    expect(stdout).toContain("# 3 u16 2301; perhaps voltage L1: three alike in a row in 10^-1 V");
    expect(stdout).toContain("a counter, perhaps an energy: it only increased, by 2 in 3 telegrams");
    expect(stdout).not.toMatch(/^Reading/m);

    const cwd = temporaryFolder();
    const block = stdout.slice(stdout.indexOf("lists:\n"));
    writeFileSync(join(cwd, "k.yaml"), block.replace(/- skip +# 3 .*-> (.*)$/m, "- $1"));
    const read = await runCommand(command, { options: { config: "k.yaml", json: true }, input: captured, cwd });
    expect(read.code).toBe(0);
    expect(JSON.parse(lines(read.stdout)[0] ?? "")).toMatchObject({
      transport: "hdlc",
      values: [{ obis: "1-0:32.7.0*255", value: 230.1, unit: "V" }],
    });
  });

  it("prints no template with --json, nor for known telegrams", async () => {
    expect((await runCommand(command, { options: { json: true }, input: captured })).stdout).not.toContain("lists:");
    expect(keys.key).toBeUndefined();
    expect((await runCommand(command, { input: [wire] })).stdout).not.toContain("lists:");
  });
});

describe("decode of an AMIS meter", () => {
  it("accepts a day's telegrams, and names unknown records", async () => {
    const meter = new SimulatedMeter({ layout: "amis", start: Date.UTC(2026, 10, 22) });
    const input = Array.from({ length: 60 }, (_, i) => meter.telegram(Date.UTC(2026, 10, 22) + i * 1000));
    const { code, stdout } = await runCommand(command, { options: { key: DEMO_KEY, json: true, accept: true }, input });
    expect(lines(stdout).filter((line) => line.includes("error"))).toEqual([]);
    expect(lines(stdout).length).toBe(60);
    expect(code).toBe(0);
  });
});
