import { execFile, execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { formDefaults } from "../../src/config/addon-options.ts";
import { VERSION } from "../../src/version.ts";
import { checkout } from "../helpers/checkout.ts";
import { freePort } from "../helpers/free-port.ts";
import { PtyPair } from "../helpers/pty.ts";
import { docker, inspect, KEY, Subscriber, speakingMeter } from "./engine.ts";

const NAME = `kaifa2mqtt-addon-${process.pid}`;
const TOKEN = "a-token-of-the-supervisor";
const LOGIN = { username: "addons", password: "the-password-of-the-apps" };
/** Addresses as in Home Assistant: the panel answers only the Supervisor's. */
const NETWORK = { subnet: "172.30.32.0/23", supervisor: "172.30.32.2", addon: "172.30.33.5" };

/** A fake Supervisor, which has no broker until /tmp/broker exists. */
const SUPERVISOR = `
const { existsSync } = require("node:fs");
require("node:http").createServer((request, response) => {
  const answer = (status, body) => { response.writeHead(status, { "content-type": "application/json" }); response.end(JSON.stringify(body)); };
  if (request.headers.authorization !== "Bearer ${TOKEN}") return answer(401, { result: "error" });
  if (request.url !== "/services/mqtt") return answer(404, { result: "error" });
  if (!existsSync("/tmp/broker")) return answer(400, { result: "error", message: "Service not enabled" });
  answer(200, { result: "ok", data: { addon: "core_mosquitto", host: "core-mosquitto", port: "1883", ssl: false,
    username: "${LOGIN.username}", password: "${LOGIN.password}", protocol: "3.1.1" } });
}).listen(80);`;
const BASE = "node:24-bookworm-slim";

let folder: string;
let place: ReturnType<typeof checkout>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "kaifa-addon-"));
  place = checkout();
  // As in the README: the program is built, the folder is created from it, and the Supervisor builds only the folder.
  symlinkSync(join(process.cwd(), "node_modules"), join(place.folder, "node_modules"));
  const env = { ...process.env, OUTDIR: "dist" };
  for (const script of ["scripts/build.mjs", "scripts/addon-folder.mjs"]) {
    execFileSync("node", script.includes("addon") ? [script, join(folder, "addon")] : [script], {
      cwd: place.folder,
      env,
    });
  }
  const { version } = JSON.parse(execFileSync("cat", ["package.json"], { encoding: "utf8" }));
  const build = ["buildx", "build", ".", "--tag", NAME, "--file", "Dockerfile", "--platform", "linux/amd64"];
  const args = ["--build-arg", `BUILD_VERSION=${version}`, "--build-arg", "BUILD_ARCH=amd64"];
  await docker([...build, ...args], { cwd: join(folder, "addon") });
});

afterAll(async () => {
  await docker(["image", "rm", "--force", NAME], { check: false });
  rmSync(folder, { recursive: true, force: true });
  place.remove();
});

describe("the image of the app", () => {
  it("has the labels of an app, the health check, and the program as its command", async () => {
    const { Config } = await inspect(NAME);
    expect(Config.Labels).toMatchObject({ "io.hass.type": "app", "io.hass.version": VERSION, "io.hass.arch": "amd64" });
    expect(Config.Healthcheck.Test).toEqual(["CMD", "kaifa2mqtt", "health", "--wait"]);
    expect([...Config.Entrypoint, ...Config.Cmd]).toEqual(["kaifa2mqtt", "run"]);
  });

  it("contains Node and the program, but no npm, no compiler, no package manager, and no set-uid files", async () => {
    const found = await docker(["create", "--name", `${NAME}-look`, NAME]).then(() =>
      promisify(execFile)("sh", ["-c", `docker export ${NAME}-look | tar -tv`], { maxBuffer: 1e8 }),
    );
    await docker(["rm", `${NAME}-look`]);
    const lines = found.stdout.split("\n");
    expect(lines.some((line) => line.endsWith(" usr/local/bin/node"))).toBe(true);
    expect(
      lines.filter((line) => /\/(npm|npx|corepack|yarn|apt|apt-get|dpkg|perl|gcc|make|python3?)$/.test(line)),
    ).toEqual([]);
    expect(lines.filter((line) => /^-..s/.test(line))).toEqual([]);
    expect((await inspect(NAME)).Size).toBeLessThan(150e6);
  });

  it("drops root when started by hand", async () => {
    const simulated = ["-e", "KAIFA2MQTT_METER_PORT=simulator:", "-e", `KAIFA2MQTT_METER_KEY=${KEY}`];
    await docker(["run", "-d", "--name", `${NAME}-hand`, ...simulated, NAME]);
    const status = (): Promise<string> =>
      docker(["exec", `${NAME}-hand`, "cat", "/proc/1/status"]).then(({ stdout }) => stdout);
    await expect.poll(status, { timeout: 10_000 }).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    expect(await status()).toMatch(/^CapEff:\s+0+$/m);
    await docker(["rm", "-f", `${NAME}-hand`]);
  });
});

describe("the app, run like the Supervisor does", () => {
  let line: PtyPair;
  let meter: ReturnType<typeof speakingMeter>;
  let broker: Subscriber;
  const logs = async (): Promise<string> => {
    const { stdout, stderr } = await docker(["logs", NAME]);
    return stdout + stderr;
  };
  /** Requests a page of the app from another container. */
  const ask = async (from: string, path: string): Promise<string> => {
    const script = `fetch("http://${NETWORK.addon}:8099${path}").then(async (r) => console.log(r.status, await r.text()), (e) => console.log("no answer", e.cause?.code))`;
    return (await docker(["exec", from, "node", "-e", script])).stdout;
  };

  beforeAll(async () => {
    const port = await freePort();
    line = await PtyPair.open(`/dev/ttyKAIFA${process.pid}`, "mode=660,group=dialout");
    meter = speakingMeter(line);

    await docker(["network", "create", "--subnet", NETWORK.subnet, NAME]);
    const server = ["node", "-e", SUPERVISOR];
    const address = ["--network", NAME, "--ip", NETWORK.supervisor, "--network-alias", "supervisor"];
    await docker(["run", "-d", "--init", "--name", `${NAME}-supervisor`, ...address, BASE, ...server]);
    await docker(["run", "-d", "--init", "--name", `${NAME}-stranger`, "--network", NAME, BASE, "sleep", "infinity"]);

    const data = join(folder, "data");
    mkdirSync(data);
    const options = { ...formDefaults(), meter: { ...formDefaults().meter, port: line.device, key: KEY } };
    writeFileSync(join(data, "options.json"), JSON.stringify(options), { mode: 0o600 });
    for (const name of ["config", "share"]) mkdirSync(join(folder, name));
    chmodSync(data, 0o755);

    // Its AppArmor profile grants no capability. Without AppArmor in the kernel, dropping them shows that none is needed.
    const rights = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--init"];
    const devices = [
      "-v",
      "/dev:/dev:ro",
      "--device-cgroup-rule",
      "c 188:* rwm",
      "--device-cgroup-rule",
      "c 166:* rwm",
    ];
    const folders = ["data", "config", "share"].flatMap((name) => ["-v", `${join(folder, name)}:/${name}`]);
    const environment = ["-e", `SUPERVISOR_TOKEN=${TOKEN}`, "-e", "TZ=Europe/Vienna"];
    const net = ["--network", NAME, "--ip", NETWORK.addon];
    await docker(["run", "-d", "--name", NAME, ...net, ...rights, ...devices, ...folders, ...environment, NAME]);

    await vi.waitFor(async () => expect(await logs()).toContain("Mosquitto broker"), { timeout: 30_000 });
    // The user installs the broker's app.
    const files = join(folder, "mosquitto");
    mkdirSync(files);
    writeFileSync(
      join(files, "mosquitto.conf"),
      "listener 1883\nallow_anonymous false\npassword_file /mosquitto/config/passwords\n",
    );
    const password = ["mosquitto_passwd", "-b", "-c", "/mosquitto/config/passwords", LOGIN.username, LOGIN.password];
    await docker(["run", "--rm", "-v", `${files}:/mosquitto/config`, "eclipse-mosquitto:2", ...password]);
    chmodSync(join(files, "passwords"), 0o644);
    const published = ["-p", `127.0.0.1:${port}:1883`, "-v", `${files}:/mosquitto/config`];
    const alias = ["--network", NAME, "--network-alias", "core-mosquitto"];
    await docker(["run", "-d", "--name", `${NAME}-broker`, ...alias, ...published, "eclipse-mosquitto:2"]);
    await docker(["exec", `${NAME}-supervisor`, "node", "-e", 'require("fs").writeFileSync("/tmp/broker", "")']);
    broker = new Subscriber(port, LOGIN);
    await broker.next(/^kaifa2mqtt\/[^/]+\/16\.7\.0$/);
  });

  afterAll(async () => {
    await broker?.stop();
    meter?.stop();
    const names = [NAME, `${NAME}-supervisor`, `${NAME}-stranger`, `${NAME}-broker`];
    await docker(["rm", "--force", "--volumes", ...names], { check: false });
    await docker(["network", "rm", NAME], { check: false });
    await line?.close();
  });

  it("says what to do while there is no broker, and finds one automatically", async () => {
    const text = await logs();
    expect(text).toMatch(/Install and start the app 'Mosquitto broker'/);
    expect(text.split("Mosquitto broker").length).toBeLessThanOrEqual(4); // logged, but not every second
    await expect.poll(() => broker.seen.get("kaifa2mqtt/bridge/state")).toBe("online");
    for (const secret of [KEY, TOKEN, LOGIN.password]) expect(text).not.toContain(secret);
  });

  it("leaves the options to root, and stores its state in the same folder", async () => {
    const { uid, mode } = statSync(join(folder, "data/options.json"));
    expect([uid, mode & 0o777]).toEqual([0, 0o600]);
    await expect.poll(() => statSync(join(folder, "data/state.json")).uid, { timeout: 60_000 }).toBe(0);
  });

  it("is healthy for Docker and for the Supervisor's watchdog", async () => {
    await expect.poll(async () => (await inspect(NAME)).State.Health.Status, { timeout: 30_000 }).toBe("healthy");
    expect(await ask(`${NAME}-supervisor`, "/live")).toMatch(/^200 /);
  });

  it("serves its panel only to the Supervisor", async () => {
    expect(await ask(`${NAME}-supervisor`, "/")).toMatch(/^200 [\s\S]*<html/i);
    expect(await ask(`${NAME}-stranger`, "/")).toMatch(/^403 /);
  });

  it("stays alive for the watchdog when the adapter is unplugged, and continues when it is back", async () => {
    await line.unplug();
    await expect.poll(logs, { timeout: 20_000 }).toMatch(/has gone/);
    expect(await ask(`${NAME}-supervisor`, "/live")).toMatch(/^200 /);
    expect((await docker(["exec", NAME, "kaifa2mqtt", "health"], { check: false })).code).toBe(0);
    await line.plug();
    await broker.next(/^kaifa2mqtt\/[^/]+\/16\.7\.0$/);
  });

  it("stops when the Supervisor stops it", async () => {
    const offline = broker.next(/^kaifa2mqtt\/bridge\/state$/, /^offline$/);
    const begun = performance.now();
    await docker(["stop", "--time", "10", NAME]);
    expect(performance.now() - begun).toBeLessThan(5000);
    await offline;
    expect((await inspect(NAME)).State.ExitCode).toBe(0);
  });
});

describe("hassio-addon/apparmor.txt", () => {
  const parser = (file: string): string =>
    execFileSync("apparmor_parser", ["-Q", "-K", "-T", file], {
      encoding: "utf8",
      stdio: "pipe",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });

  it("passes apparmor_parser", () => {
    expect(parser("hassio-addon/apparmor.txt")).toBe("");
  });

  it("is rejected by it if it is invalid", () => {
    const broken = join(folder, "broken.txt");
    writeFileSync(broken, "profile kaifa2mqtt { /data/** rwq, }\n");
    expect(() => parser(broken)).toThrow(/syntax error/i);
  });

  it("names the slug of the app and grants no capability", () => {
    const text = execFileSync("cat", ["hassio-addon/apparmor.txt"], { encoding: "utf8" });
    const { slug } = parse(execFileSync("cat", ["hassio-addon/config.yaml"], { encoding: "utf8" }));
    expect(text).toMatch(new RegExp(`^profile ${slug} flags=\\(attach_disconnected,mediate_deleted\\) \\{$`, "m"));
    // The Supervisor renames the profile, so no rule may refer to its name.
    expect(text.split("\n").filter((rule) => !/^\s*#/.test(rule) && /peer=/.test(rule))).toEqual([]);
    expect(text.match(/^\s*(deny )?capability.*$/gm)?.map((rule) => rule.trim())).toEqual(["deny capability,"]);
  });
});
