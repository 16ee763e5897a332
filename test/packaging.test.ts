import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { COMMANDS } from "../src/commands/command-table.ts";
import { environmentName, OPTIONS } from "../src/config/option-list.ts";
import { repositoryFiles } from "./helpers/checkout.ts";
import { temporaryFolder } from "./helpers/temporary-folder.ts";

const read = (file: string): string => readFileSync(file, "utf8");
const manifest = JSON.parse(read("package.json"));
const addon = parse(read("hassio-addon/config.yaml"));
const files = repositoryFiles();
const texts = files.filter((file) => !/\.(png|ico|woff2?|enc|bin)$/.test(file) && file !== "package-lock.json");

describe("a release", () => {
  it("has one version, and a section in the changelog", () => {
    expect(addon.version).toBe(manifest.version);
    expect(() => execFileSync("node", ["scripts/release.mjs", "check", `v${manifest.version}`])).not.toThrow();
    expect(() => execFileSync("node", ["scripts/release.mjs", "check", "v0.0.1"], { stdio: "pipe" })).toThrow();
    const notes = execFileSync("node", ["scripts/release.mjs", "notes", `v${manifest.version}`], { encoding: "utf8" });
    expect(notes.length).toBeGreaterThan(50);
  });

  it("shows the same changelog in Home Assistant", () => {
    expect(read("hassio-addon/CHANGELOG.md")).toBe(read("CHANGELOG.md"));
  });

  it("names the repository's owner in one place", () => {
    const owner = /github:([\w-]+)\/kaifa2mqtt/.exec(manifest.repository)?.[1];
    const named = new RegExp(`(?:github(?:[.]com)?[:/]|image: (?:[^ ]+/)?)${owner}/`);
    const places = texts.filter((file) => named.test(read(file)));
    expect(places).toEqual(["package.json"]);
  });

  it("is written by the first release to the app, the app repository and the button in both READMEs", () => {
    const folder = temporaryFolder("kaifa-stamp-");
    for (const file of [
      "scripts/release.mjs",
      "hassio-addon/config.yaml",
      "repository.yaml",
      "README.md",
      "README.de.md",
    ]) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      copyFileSync(file, join(folder, file));
    }
    const url = "https://example.org/someone/kaifa2mqtt";
    execFileSync("node", [join(folder, "scripts/release.mjs"), "stamp", "registry.example/kaifa2mqtt", url]);
    const at = (file: string): string => readFileSync(join(folder, file), "utf8");
    expect(parse(at("hassio-addon/config.yaml"))).toMatchObject({ url, image: "registry.example/kaifa2mqtt" });
    expect(parse(at("repository.yaml"))).toMatchObject({ url });
    for (const page of ["README.md", "README.de.md"]) {
      expect(at(page)).toContain(
        `/redirect/supervisor_add_addon_repository/?repository_url=${encodeURIComponent(url)})`,
      );
    }
  });

  it("names no host of a registry", () => {
    // Written so that this file does not contain them either.
    const hosts = [
      ["registry", "npmjs", "org"],
      ["ghcr", "io"],
      ["docker", "io"],
      ["quay", "io"],
    ].map((parts) => parts.join("."));
    expect(texts.filter((file) => hosts.some((host) => read(file).includes(host)))).toEqual([]);
  });
});

describe("the app", () => {
  it("is the only app that the Supervisor finds in this repository", () => {
    expect(files.filter((file) => /(^|\/)config\.(ya?ml|json)$/.test(file))).toEqual(["hassio-addon/config.yaml"]);
    expect(parse(read("repository.yaml"))).toMatchObject({ name: "kaifa2mqtt" });
  });

  it("uses no key that the Supervisor drops or warns about", () => {
    const known =
      /^(name|version|slug|description|url|arch|startup|boot|init|uart|services|homeassistant_api|map|apparmor|ingress(_port|_stream)?|panel_(icon|title)|watchdog|timeout|image|ports(_description)?|options|schema)$/;
    expect(Object.keys(addon).filter((key) => !known.test(key))).toEqual([]);
    expect(addon.arch).toEqual(["aarch64", "amd64"]);
    for (const folder of addon.map) expect(["app_config", "share", "ssl"]).toContain(folder.type);
  });

  it("has the security rating 8", () => {
    // The Supervisor's rating: 5, plus 1 for its own profile, 2 for ingress, minus for these, of which it has none.
    const costs = ["host_network", "host_pid", "host_dbus", "privileged", "full_access", "docker_api", "hassio_role"];
    expect(costs.filter((key) => key in addon)).toEqual([]);
    expect(5 + (addon.apparmor && existsSync("hassio-addon/apparmor.txt") ? 1 : 0) + (addon.ingress ? 2 : 0)).toBe(8);
  });

  it("has a watchdog URL that does not depend on the meter", () => {
    expect(addon.watchdog).toBe(`http://[HOST]:[PORT:${addon.ingress_port}]/live`);
  });

  it.each([
    ["icon", 128, 128],
    ["logo", 250, 100],
  ])("has a %s of %d × %d", (name, width, height) => {
    const png = readFileSync(`hassio-addon/${name}.png`);
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([width, height]);
  });
});

describe("the container", () => {
  it("has files that Compose can merge", () => {
    const { services, volumes } = parse(read("docker-compose.yml"));
    const { kaifa2mqtt, mosquitto } = services;
    expect(kaifa2mqtt).toMatchObject({
      user: "node",
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      init: true,
    });
    // Every option can be set in .env, except the data folder, which the image sets.
    const options = OPTIONS.map(environmentName).filter((name) => name !== "KAIFA2MQTT_DATA_DIR");
    expect(
      Object.keys(kaifa2mqtt.environment)
        .filter((name) => name !== "TZ" && name !== "DEVICE_ON_HOST")
        .sort(),
    ).toEqual(options.sort());
    expect(mosquitto.profiles).toEqual(["mosquitto"]);
    expect(Object.keys(volumes)).toEqual(["data", "solarview", "mosquitto"]);
  });

  it("needs no file that Docker would have to fetch", () => {
    const from = [...read("Dockerfile").matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(from)).toEqual(
      new Set(["$" + "{NODE_IMAGE}", "base", "scratch", "app-$" + "{APP}", "arch-$" + "{TARGETARCH}"]),
    );
    expect(read("Dockerfile")).toMatch(/^ARG NODE_IMAGE=node:24-bookworm-slim$/m);
    expect(read("Dockerfile")).not.toMatch(/^# *syntax=/m);
  });
});

describe("the documentation", () => {
  const pages = files.filter((file) => file.endsWith(".md") && !file.startsWith("test/"));

  it("has no dead links within the repository", () => {
    const dead = pages.flatMap((page) => {
      const text = read(page).replace(/```[\s\S]*?```/g, "");
      return [...text.matchAll(/\]\(([^)\s]+)\)|<img [^>]*src="([^"]+)"/g)]
        .map(([, link, image]) => link ?? image ?? "")
        .filter((link) => !/^(https?:|mailto:)/.test(link))
        .filter((link) => {
          const [path = "", anchor] = link.split("#");
          const file = path === "" ? page : normalize(join(dirname(page), path));
          if (!existsSync(file)) return true;
          return anchor !== undefined && !headings(read(file)).includes(anchor);
        })
        .map((link) => `${page}: ${link}`);
    });
    expect(dead).toEqual([]);
  });

  it("names only existing commands", () => {
    const unknown = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run (?:--silent )?([\w:-]+)/g)]
        .map(([, script = ""]) => script)
        .filter((script) => !(script in manifest.scripts))
        .map((script) => `${page}: npm run ${script}`),
    );
    expect(unknown).toEqual([]);
    const commands = new Set(COMMANDS.map(({ name }) => name));
    expect(commands.size).toBeGreaterThan(7);
    const called = pages.flatMap((page) =>
      [...read(page).matchAll(/(?:`|exec |--rm |dist\/main\.js )kaifa2mqtt ([a-z]+)\b/gm)].map(
        ([, name]) => `${page}: ${name}`,
      ),
    );
    expect(called.filter((call) => !commands.has(call.replace(/^.*: /, "")))).toEqual([]);
  });

  it("has the same headings in German", () => {
    const levels = (page: string) => headingLines(read(page)).map((line) => line.replace(/^(#+).*/, "$1"));
    expect(levels("README.de.md")).toEqual(levels("README.md"));
  });
});

function headingLines(text: string): string[] {
  return text.replace(/```[\s\S]*?```/g, "").match(/^#{1,6} .*$/gm) ?? [];
}

/** The anchors of a page, as generated by GitHub. */
function headings(text: string): string[] {
  return headingLines(text).map((line) =>
    line
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("the workflows", () => {
  const workflows = files.filter((file) => file.startsWith(".github/workflows/"));

  it("pin every action to a commit, with its version as a comment", () => {
    const uses = workflows.flatMap((file) => [...read(file).matchAll(/uses: (.*)$/gm)].map(([, action]) => action));
    expect(uses.length).toBeGreaterThan(10);
    expect(uses.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action ?? ""))).toEqual([]);
  });

  it("may only read the repository, except for jobs that declare more", () => {
    for (const file of workflows) expect(parse(read(file)).permissions).toEqual({ contents: "read" });
  });

  it("run no untrusted text", () => {
    const scripts = workflows.flatMap((file) =>
      Object.values(parse(read(file)).jobs as Record<string, { steps: { run?: string }[] }>).flatMap(({ steps }) =>
        steps.flatMap(({ run }) => run ?? []),
      ),
    );
    expect(scripts.length).toBeGreaterThan(5);
    expect(scripts.filter((script) => script.includes("$" + "{{"))).toEqual([]);
  });
});

describe("memory", () => {
  it("is given back alike in the image, as a service, and where it is measured", () => {
    const [, bytes] = /^ENV MALLOC_TRIM_THRESHOLD_=(\d+)$/m.exec(read("Dockerfile")) ?? [];
    expect(Number(bytes)).toBeGreaterThan(0);
    expect(read("packaging/systemd/kaifa2mqtt.service")).toContain(`\nEnvironment=MALLOC_TRIM_THRESHOLD_=${bytes}\n`);
    expect(read("bench/processes.ts")).toContain(`MALLOC_TRIM_THRESHOLD_: "${bytes}"`);
  });
});

describe("what the image is built from", () => {
  it("contains every documentation page that the build reads", () => {
    const script = readFileSync("scripts/build-page.mjs", "utf8");
    const read = [...script.matchAll(/\.\.\/(docs\/[\w.-]+?)(\$\{suffix\})?(\.md|\.yaml)/g)].flatMap(
      ([, name, suffix, end]) => (suffix === undefined ? [`${name}${end}`] : [`${name}${end}`, `${name}.de${end}`]),
    );
    expect(read.length).toBeGreaterThan(0);
    for (const name of read) {
      expect(readFileSync("Dockerfile", "utf8")).toContain(` ${name} `);
      expect(readFileSync(".dockerignore", "utf8")).toContain(`!${name}\n`);
    }
  });

  it("git ignores keys and passwords where the compose files suggest them", () => {
    const ignored = readFileSync(".gitignore", "utf8").split("\n");
    for (const name of [".env", "/secrets/", "/secrets.yaml", "/kaifa2mqtt.yaml"]) expect(ignored).toContain(name);
  });
});
