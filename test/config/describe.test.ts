import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { exampleYaml, jsonSchema, withReference } from "../../src/config/describe.ts";
import { displayPath, environmentName, OPTIONS } from "../../src/config/option-list.ts";
import { ConfigFolder, loadYaml } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const committed = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

/** Parses the file as editors do: `!secret` is a text. */
const read = (text: string): unknown =>
  parse(text, { customTags: [{ tag: "!secret", resolve: (name: string) => name }] });

describe("files generated from the table of options", () => {
  it("are up to date (npm run docs)", () => {
    expect(committed("kaifa2mqtt.schema.json")).toBe(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    expect(committed("kaifa2mqtt.example.yaml")).toBe(exampleYaml());
    for (const [name, language] of [
      ["configuration.md", "en"],
      ["configuration.de.md", "de"],
    ] as const) {
      expect(committed(name)).toBe(withReference(committed(name), language));
    }
  });

  it("the reference names every option and its variable", () => {
    for (const row of OPTIONS) {
      for (const name of ["configuration.md", "configuration.de.md"]) {
        expect(committed(name)).toContain(`\`${displayPath(row)}\``);
        expect(committed(name)).toContain(`\`${environmentName(row)}\``);
      }
    }
  });

  it("every option has a title and a help in both languages", () => {
    for (const { about } of OPTIONS) {
      for (const text of [about.title.en, about.title.de, about.help.en, about.help.de])
        expect(text.trim()).not.toBe("");
      expect(about.help.de).not.toBe(about.help.en);
    }
  });
});

describe("the JSON Schema", () => {
  const check = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(jsonSchema() as object);

  it.each([
    `meter: {port: /dev/ttyUSB0, key: ${KEY}}`,
    "meter: {port: /dev/a, key: 12345678901234567890123456789012}",
    "meter: {port: 'tcp://[::1]:2000', key: '36 C6 66 39 E4 8A 8C A4 D6 BC 8B 28 2A 79 3B BB'}\nhttp: {enabled: true}\nmqtt: {password:}",
    "meters: [{port: /dev/a}, {port: 'simulator:'}]\npublish: {interval: 0.5}",
    "meter: {port: /dev/a}\nmqtt: {server: [mqtt://a, mqtt://b]}\noutputs: {p1: {listen: 127.0.0.1:2000}, shelly: [{listen: 0.0.0.0:80, udp: 1010}]}",
    "meter: {port: /dev/a}\ntariff_windows: [{name: s, months: [4, 5], weekdays: sun, from: '10:00', to: '16:00'}]\ntime_zone: Europe/Vienna",
    "meter: {port: /dev/a}\nlists: {name: l, elements: [{text: KFM_001}, {obis: 1.7.0, unit: W, scaler: 0, type: u32}, skip]}",
  ])("accepts what the program accepts (%#)", async (text) => {
    await loadYaml(text);
    expect(check(read(text)), JSON.stringify(check.errors)).toBe(true);
  });

  it.each([
    "meter: {prt: /dev/a}",
    `meter: {port: /dev/a, key: ${KEY}0}`,
    "meter: {port: 'tcp://a'}",
    "meter: {port: /dev/a, parity: mark}",
    "meter: {port: /dev/a, baud_rate: 1}",
    "meter: {port: /dev/a}\nmqtt: {server: localhost}",
    "meter: {port: /dev/a}\nmqtt: {base_topic: a/#}",
    "meter: {port: /dev/a}\nmeters: [{port: /dev/b}]",
    "meters: []",
    "meter: {port: /dev/a}\nlog: {level: trace}",
    "meter: {port: /dev/a}\nmqtt: {server: [localhost]}",
    "meter: {port: /dev/a}\noutputs: {p1: {listen: 2000}}",
    "meter: {port: /dev/a}\ntariff_windows: [{name: s, from: '10:00'}]",
    "meter: {port: /dev/a}\ntariff_windows: [{name: s, months: [13], from: '10:00', to: '16:00'}]",
    "meter: {port: /dev/a}\nlists: [{name: l, elements: [jump]}]",
  ])("refuses what the program refuses (%#)", async (text) => {
    await expect(loadYaml(text)).rejects.toThrow(/configuration has/);
    expect(check(read(text))).toBe(false);
  });
});

describe("the example file", () => {
  it("is valid unchanged", async () => {
    const { config } = await loadYaml(exampleYaml());
    expect(config.meters).toMatchObject([{ port: "/dev/ttyUSB0", key: KEY }]);
  });

  it("is valid, and has every option, with every commented option uncommented", async () => {
    const names = new Set(OPTIONS.flatMap((row) => row.path));
    const everything = exampleYaml()
      .replace(/^( *)# ((\w+):(?: .*)?)$/gm, (line, indent: string, option: string, name: string) =>
        names.has(name) ? `${indent}${option}` : line,
      )
      // The items of lists of sections.
      .replace(/^# ( +(?:- .*|elements:))$/gm, "$1");
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", everything);
    folder.write("secrets.yaml", "mqtt_password: sesame\nhttp_token: open\nhomeassistant_token: ha\n");
    const { config, origins } = await folder.load();
    expect(config.mqtt.password).toBe("sesame");
    expect(config.lists[0]?.elements.at(-1)).toEqual({ skip: true });
    for (const row of OPTIONS.filter(({ path }) => path[0] !== "lists")) {
      const path = row.path.join(".").replaceAll(".[]", "[0]");
      expect(origins.has(path), path).toBe(true);
    }
  });
});
