import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../helpers/checkout.ts";

const run = promisify(execFile);

/** `npm pack` of a fresh build, installed globally as `npm install -g` does. */
describe("the npm package", () => {
  let place: ReturnType<typeof checkout>;
  let folder: string;
  let packed: { filename: string; files: { path: string }[]; unpackedSize: number };
  const prefix = (): string => join(folder, "prefix");
  const command = (...args: string[]) => run(join(prefix(), "bin/kaifa2mqtt"), args, { cwd: folder });

  beforeAll(async () => {
    // A separate build, because others may be using dist/.
    place = checkout();
    folder = place.folder;
    symlinkSync(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
    execFileSync("npm", ["run", "build"], { cwd: folder, stdio: "pipe" });
    execFileSync("node", ["scripts/npm-folder.mjs"], { cwd: folder, stdio: "pipe" });
    [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "./dist-npm"], { cwd: folder, encoding: "utf8" }),
    );
    const install = ["install", "--global", "--prefix", prefix(), "--prefer-offline", "--no-audit", "--no-fund"];
    await run("npm", [...install, join(folder, packed.filename)], { cwd: folder });
  });

  afterAll(() => place.remove());

  it("contains the program, its documentation and the systemd unit, but no sources, tests or fixtures", () => {
    const paths = packed.files.map(({ path }) => path);
    for (const wanted of [
      "dist/main.js",
      "dist/decode.html",
      "dist/codec.js",
      "dist/types/codec/index.d.ts",
      "LICENSE",
      "README.md",
    ]) {
      expect(paths).toContain(wanted);
    }
    expect(paths).toContain("packaging/systemd/kaifa2mqtt.service");
    expect(paths.filter((path) => !/^(dist|docs|packaging)\/|^[^/]+\.(md|json)$|^LICENSE$/.test(path))).toEqual([]);
    expect(packed.unpackedSize).toBeLessThan(5e6);
  });

  it("installs the command, with only the serial port's binding", async () => {
    expect((await command("--version")).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    const modules = join(prefix(), "lib/node_modules/kaifa2mqtt/node_modules");
    expect(readdirSync(modules).filter((name) => !name.startsWith("."))).toEqual(
      expect.arrayContaining(["@serialport", "node-gyp-build"]),
    );
    expect(readdirSync(modules)).not.toContain("mqtt");
    // The bundled packages are listed with versions and licences.
    const bundled = (list: string) =>
      JSON.parse(readFileSync(join(modules, "../dist", list), "utf8")).components.map(
        ({ name, version, licenses }: { name: string; version: string; licenses: unknown[] }) =>
          version !== undefined && licenses.length > 0 ? name : `${name} without version or licence`,
      );
    expect(bundled("sbom-page.cdx.json")).toContain("uplot");
    expect(bundled("sbom-decode.cdx.json")).toContain("ciphers");
    expect(bundled("sbom.cdx.json")).toEqual(
      expect.arrayContaining(["mqtt", "serialport", "winston", "yaml", "zod", "hono", "aedes"]),
    );
  });

  it("decodes a telegram, and reads its configuration", async () => {
    const key = "36C66639E48A8CA4D6BC8B282A793BBB";
    const program = join(prefix(), "bin/kaifa2mqtt");
    const pipe = `${program} simulate - --count 1 --layout netz-noe --key ${key} | ${program} decode --json --key ${key} -`;
    const { stdout } = await run("sh", ["-c", pipe], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ transport: "mbus", security: "encrypted" });
    writeFileSync(join(folder, "kaifa2mqtt.yaml"), `meter: { port: "simulator:", key: ${key} }\n`);
    const check = await command("check");
    expect(check.stdout).toContain("simulator:");
    expect(check.stdout).not.toContain(key);
  });

  it("opens a serial device with its native binding", async () => {
    const doctor = await command("doctor", "--port", "/dev/null").catch((error) => error);
    expect(doctor.stdout + doctor.stderr).not.toMatch(/Cannot find module|MODULE_NOT_FOUND/);
  });
});
