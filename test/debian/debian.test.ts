import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFixture } from "../helpers/fixtures.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { PtyPair } from "../helpers/pty.ts";
import { DebianRoot } from "./debian-root.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const CONFIG = "/etc/kaifa2mqtt/kaifa2mqtt.yaml";
const UNIT = "/usr/lib/systemd/system/kaifa2mqtt.service";

/** The package in a Debian 13: built, installed, used, upgraded, removed and purged, in this order. */
describe("the Debian package", () => {
  let folder: string;
  let root: DebianRoot;
  const debs = (): string[] => readdirSync(folder).map((name) => join(folder, name));
  const amd64 = (): string => debs().find((file) => /_amd64\.deb$/.test(file)) ?? "";
  /** The same package under a higher version, for the upgrade. */
  const newer = (): string => {
    const tree = join(folder, "tree");
    execFileSync("dpkg-deb", ["-R", amd64(), tree]);
    execFileSync("sed", ["-i", "s/^Version: .*/Version: 99.0.0/", join(tree, "DEBIAN/control")]);
    const file = join(folder, "newer.deb");
    execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, file], { stdio: "pipe" });
    rmSync(tree, { recursive: true });
    return file;
  };
  const service = (environment: Record<string, string> = {}) =>
    root.start("kaifa2mqtt", { STATE_DIRECTORY: "/var/lib/kaifa2mqtt", ...environment }, "kaifa2mqtt", "run");

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kaifa-deb-"));
    execFileSync("npm", ["run", "--silent", "deb", "--", folder], { stdio: "pipe" });
    root = DebianRoot.make();
  });
  afterAll(() => {
    root?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is built for both architectures, passes lintian, and is reproducible", () => {
    const packages = debs();
    expect(packages.map((file) => file.replace(/.*_/, ""))).toEqual(["amd64.deb", "arm64.deb"]);
    // It leaves some temporary files behind.
    const scratch = mkdtempSync(join(folder, "lintian-"));
    const lintian = spawnSync("lintian", ["--fail-on", "error,warning", "--allow-root", ...packages], {
      encoding: "utf8",
      env: { ...process.env, TMPDIR: scratch },
    });
    rmSync(scratch, { recursive: true });
    expect({ status: lintian.status, output: lintian.stdout }).toEqual({ status: 0, output: "" });
    const again = mkdtempSync(join(folder, "again-"));
    execFileSync("node", ["scripts/deb.mjs", again], { stdio: "pipe" });
    for (const name of readdirSync(again)) execFileSync("cmp", [join(again, name), join(folder, name)]);
    rmSync(again, { recursive: true });
  });

  it("installs, with a user in the group of the serial devices, and says what to do", () => {
    const { status, output } = root.run("dpkg", "--install", root.bring(amd64()));
    expect(output).toContain(`set port and key in ${CONFIG}, then: sudo systemctl restart kaifa2mqtt`);
    expect(status).toBe(0);
    expect(root.run("id", "-nG", "kaifa2mqtt").output.trim().split(" ")).toContain("dialout");
    expect(root.run("stat", "-c", "%U:%G %a", CONFIG).output.trim()).toBe("root:kaifa2mqtt 640");
    expect(root.run("systemctl", "is-enabled", "kaifa2mqtt").output.trim()).toBe("enabled");
    expect(root.run("kaifa2mqtt", "--version").output.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    expect(root.run("man", "kaifa2mqtt").output).toContain("smart-meter bridge");
    const words =
      ". /usr/share/bash-completion/completions/kaifa2mqtt; COMP_WORDS=(kaifa2mqtt do); COMP_CWORD=1; _kaifa2mqtt; echo $COMPREPLY";
    expect(root.run("bash", "-c", words).output.trim()).toBe("doctor");
  });

  it("has a unit that systemd accepts without complaints", () => {
    expect(root.run("systemd-analyze", "verify", UNIT)).toEqual({ status: 0, output: "" });
    expect(root.read(UNIT)).toMatch(/^User=kaifa2mqtt$/m);
  });

  it("exits with 78, on which the unit does not restart, while nothing is configured", async () => {
    const child = service();
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
    const [code] = await once(child, "close");
    expect(code).toBe(78);
    expect(output).toContain(`${CONFIG}, which contains only comments`);
    expect(root.read(UNIT)).toMatch(/^RestartPreventExitStatus=.*\b78\b/m);
  });

  it("uses the predecessor's configuration until it has its own", () => {
    root.write("/etc/kaifareader/meter.json", JSON.stringify({ port: "/dev/ttyUSB7", key_hex_string: KEY }));
    const { output } = root.run("runuser", "-u", "kaifa2mqtt", "--", "kaifa2mqtt", "check");
    expect(output).toContain("/dev/ttyUSB7");
    expect(output).not.toContain(KEY);
  });

  it("publishes, as its own user, the readings of a meter on a serial device", async () => {
    const broker = await (await Mosquitto.prepare()).start();
    const pty = await PtyPair.open(undefined, "mode=660,group=dialout");
    const { wire } = loadFixture("kaifa-netz-noe");
    const device = execFileSync("readlink", ["-f", pty.device], { encoding: "utf8" }).trim();
    root.write(CONFIG, `meter: { port: ${device}, key: ${KEY} }\nmqtt: { server: mqtt://127.0.0.1:${broker.port} }\n`);
    root.run("install", "-d", "-o", "kaifa2mqtt", "-g", "kaifa2mqtt", "/var/lib/kaifa2mqtt");
    const subscriber = await Subscriber.connect(broker.port);
    const child = service();
    let repeat: NodeJS.Timeout | undefined;
    try {
      await subscriber.until((topic, payload) => topic === "kaifa2mqtt/bridge/state" && payload === "online", "online");
      repeat = setInterval(() => pty.write(wire), 1000);
      await subscriber.until((topic, payload) => /\/1\.8\.0$/.test(topic) && payload === "12.937", "the register");
    } finally {
      clearInterval(repeat);
      child.kill("SIGTERM");
      await once(child, "close");
      await subscriber.stop();
      await pty.close();
      await broker.close();
    }
    expect(statSync(join(root.folder, "var/lib/kaifa2mqtt")).isDirectory()).toBe(true);
  });

  it("is upgraded without touching the configuration", () => {
    const before = root.read(CONFIG);
    const { status, output } = root.run("dpkg", "--install", root.bring(newer()));
    expect({ status, output: /error|warning/i.exec(output)?.[0] }).toEqual({ status: 0 });
    expect(root.read(CONFIG)).toBe(before);
    expect(root.run("stat", "-c", "%U:%G %a", CONFIG).output.trim()).toBe("root:kaifa2mqtt 640");
  });

  it("is removed, and leaves configuration and data", () => {
    expect(root.run("dpkg", "--remove", "kaifa2mqtt").status).toBe(0);
    expect(root.run("ls", CONFIG, "/var/lib/kaifa2mqtt").status).toBe(0);
    expect(root.run("test", "-e", UNIT).status).not.toBe(0);
  });

  it("is purged, and leaves nothing", () => {
    expect(root.run("dpkg", "--purge", "kaifa2mqtt").status).toBe(0);
    root.run("sh", "-c", "rm -rf /root/*");
    const left = root.run("find", "/etc", "/usr", "/var", "/root", "/home", "-name", "*kaifa2mqtt*").output;
    expect(left.split("\n").filter((path) => path !== "" && !/^\/var\/(log|cache\/man)\//.test(path))).toEqual([]);
    expect(root.run("getent", "passwd", "kaifa2mqtt").status).not.toBe(0);
  });
});
