import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { formDefaults, formSchema, formTranslations, joinMeters, joinOutputs } from "../../src/config/addon-options.ts";
import { formPorts, portDescriptions } from "../../src/config/addon-ports.ts";
import { displayPath, OPTIONS } from "../../src/config/option-list.ts";
import { parseYaml } from "../../src/config/yaml-file.ts";

const config = parse(readFileSync("hassio-addon/config.yaml", "utf8"));

describe("the app's form is the table of options", () => {
  it("is up to date in config.yaml (npm run docs)", () => {
    expect(config.options).toEqual(formDefaults());
    expect(config.schema).toEqual(formSchema());
  });

  it.each(["en", "de"] as const)("has words for every option in %s, up to date (npm run docs)", (language) => {
    const text = readFileSync(`hassio-addon/translations/${language}.yaml`, "utf8");
    const { configuration } = parse(text);
    expect(configuration).toEqual(formTranslations(language));
    for (const [section, fields] of Object.entries(formSchema())) {
      expect(configuration[section].name).not.toBe("");
      if (typeof fields === "string") continue;
      const names = Object.keys(Array.isArray(fields) ? fields[0] : fields).sort();
      expect(Object.keys(configuration[section].fields).sort()).toEqual(names);
      for (const name of names) expect(configuration[section].fields[name].name).not.toBe("");
    }
  });

  it("offers every option except those that the image sets", () => {
    const offered = Object.entries(formSchema()).flatMap(([section, fields]) =>
      typeof fields === "string"
        ? [section]
        : Object.keys(Array.isArray(fields) ? fields[0] : fields).map((name) => `${section}.${name}`),
    );
    const known = OPTIONS.map((row) => displayPath(row).replace("outputs.", "outputs_"));
    const missing = known.filter((path) => !offered.includes(path));
    expect(missing.filter((path) => !/^(http\.|data_dir$|lists\.|homeassistant\.(url|token)$)/.test(path))).toEqual([]);
    expect(offered.map((path) => path.replace("meters.", "meter.")).filter((path) => !known.includes(path))).toEqual(
      [],
    );
  });

  it("uses only types that the Supervisor knows, with valid initial values", () => {
    const type =
      /^(bool|password|port|url|email|device\(subsystem=tty\)|str|(int|float)\((\d+),(\d+)\)|list\(([a-z|]+)\))\??$/;
    for (const [section, fields] of Object.entries(formSchema())) {
      const values = formDefaults()[section] ?? {};
      if (typeof fields === "string") {
        expect(fields).toMatch(type);
        continue;
      }
      for (const [name, text] of Object.entries(Array.isArray(fields) ? fields[0] : fields)) {
        const [, , kind, least, most, choices] = type.exec(text) ?? [];
        expect(text).toMatch(type);
        const value = Array.isArray(values) ? undefined : values[name];
        if (kind !== undefined && value !== undefined) {
          expect(value).toBeGreaterThanOrEqual(Number(least));
          expect(value).toBeLessThanOrEqual(Number(most));
        }
        if (choices !== undefined && value !== undefined) expect(choices.split("|")).toContain(value);
      }
    }
    // A non-text section missing from the options would keep the app from starting.
    const sections = Object.entries(formSchema()).filter(([, fields]) => typeof fields !== "string");
    expect(Object.keys(formDefaults()).sort()).toEqual(sections.map(([section]) => section).sort());
  });

  it("starts without a language, so that Home Assistant's applies until the user chooses one", () => {
    expect(formDefaults().homeassistant).not.toHaveProperty("language");
    expect(formSchema().homeassistant).toMatchObject({ language: "list(en|de)?" });
    expect(JSON.stringify(formTranslations("en").homeassistant)).toContain("Empty: that of Home Assistant");
  });

  it("has a device picker and hides secrets", () => {
    const { meter, mqtt } = formSchema() as Record<string, Record<string, string>>;
    expect(meter).toMatchObject({ port: "device(subsystem=tty)?", key: "password?", authentication_key: "password?" });
    expect(mqtt?.password).toBe("password?");
  });
});

describe("options.json has a meter and a list of meters", () => {
  const joined = (options: unknown): unknown => {
    const { root } = parseYaml(JSON.stringify(options), "options.json", null);
    joinMeters(root);
    const ports = (name: string) => {
      const node = root.entries.get(name);
      const items = node?.kind === "list" ? node.items : node === undefined ? [] : [node];
      return items.map((item) => {
        const port = item.kind === "map" ? item.entries.get("port") : undefined;
        return port?.kind === "scalar" ? port.text : null;
      });
    };
    return { meter: ports("meter"), meters: ports("meters") };
  };

  it("the single meter comes first, then the list", () => {
    expect(joined({ meter: { port: "/dev/a" }, meters: [{ port: "tcp://b:1" }] })).toEqual({
      meter: [],
      meters: ["/dev/a", "tcp://b:1"],
    });
  });

  it("an empty list counts as none", () => {
    expect(joined({ meter: { port: "/dev/a", parity: "auto" }, meters: [] })).toEqual({
      meter: ["/dev/a"],
      meters: [],
    });
  });

  it("ignores a meter without a port if there are others", () => {
    expect(joined({ meter: { parity: "auto" }, meters: [{ port: "tcp://b:1" }] })).toEqual({
      meter: [],
      meters: ["tcp://b:1"],
    });
  });

  it("keeps a meter without a port if it is the only one, so that the missing port is reported", () => {
    expect(joined({ meter: { parity: "auto" }, meters: [] })).toEqual({ meter: [null], meters: [] });
  });
});

describe("options.json has each output as a section of its own", () => {
  it("and the program reads them as `outputs`", () => {
    const { root } = parseYaml(
      '{"outputs_p1": {"listen": "0.0.0.0:2000"}, "outputs_shelly": {"mdns": false}}',
      "o",
      null,
    );
    joinOutputs(root);
    expect([...root.entries.keys()]).toEqual(["outputs"]);
    const outputs = root.entries.get("outputs");
    expect(outputs?.kind === "map" && [...outputs.entries.keys()]).toEqual(["p1", "shelly"]);
  });
});

describe("the ports that the app offers under Network", () => {
  it("are up to date in config.yaml (npm run docs), and closed until the user enters a port", () => {
    expect(config.ports).toEqual(formPorts());
    expect(config.ports_description).toEqual(portDescriptions("en"));
    expect(new Set(Object.values(config.ports))).toEqual(new Set([null]));
    for (const port of Object.keys(config.ports)) expect(port).toMatch(/^\d+\/(tcp|udp)$/);
    expect(Object.keys(config.ports)).not.toContain(`${config.ingress_port}/tcp`);
  });

  it.each(["en", "de"] as const)("are explained in %s", (language) => {
    const { network } = parse(readFileSync(`hassio-addon/translations/${language}.yaml`, "utf8"));
    expect(network).toEqual(portDescriptions(language));
    expect(Object.keys(network)).toEqual(Object.keys(config.ports));
  });

  it("name an option of the form and the port to set there", () => {
    for (const language of ["en", "de"] as const) {
      for (const [port, words] of Object.entries(portDescriptions(language))) {
        const [number, protocol] = port.split("/");
        expect(words).toContain(protocol === "udp" ? `udp ${number}` : `0.0.0.0:${number}`);
        expect(Object.keys(formSchema())).toContain(/outputs_\w+/.exec(words)?.[0]);
      }
    }
  });
});
