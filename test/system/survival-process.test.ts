/** The process survives faults of disks and clocks, can be stopped at any moment, and keeps its secrets. Real program, real parts. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { ClockedMeter, METER_KEY as KEY } from "../helpers/clocked-meter.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram, run } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const PASSWORD = "correct-horse-battery";

let program: BuiltProgram;
let broker: Mosquitto;
beforeAll(async () => {
  program = await buildProgram();
  broker = await (await Mosquitto.prepare()).start();
});
afterAll(async () => {
  await broker.close();
  program.remove();
});

let bridge: BridgeProcess;
let line: PtyPair;
let seen: Subscriber;
let meter: ClockedMeter;
let round = 0;
beforeEach(async () => {
  round++;
  bridge = new BridgeProcess(program.main);
  line = await PtyPair.open();
  seen = await Subscriber.connect(broker.port, { keep: /./ });
  meter = new ClockedMeter();
});
afterEach(async () => {
  await bridge.close();
  await line.close();
  await seen.stop();
});

const baseTopic = (): string => `process${round}`;
const config = (more = "", key = KEY): string =>
  [
    `meter: { port: ${line.device}, key: ${key}, id: house }`,
    `mqtt: { server: mqtt://127.0.0.1:${broker.port}, base_topic: ${baseTopic()}, client_id: ${baseTopic()}, user: bridge, password: ${PASSWORD} }`,
    more,
  ].join("\n");

/** Sends telegrams until an energy is published. */
async function published(): Promise<void> {
  const come = seen.next((topic) => topic === `${baseTopic()}/house/1.8.0`, "an energy");
  const sending = setInterval(() => line.write(meter.telegram()), 200);
  await come.finally(() => clearInterval(sending));
}

/** Asserts the exact content of the Solarview file. */
const SOLARVIEW = /^\/\?!\n\/KAIFA\n1\.8\.0\(\d{6}\.\d{3}\*kWh\)\n2\.8\.0\(\d{6}\.\d{3}\*kWh\)\n!\n$/;

describe("files that cannot be written", () => {
  test("a full disk: MQTT continues, it is logged, and the files are written once there is space", async () => {
    const disk = join(bridge.folder, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
    try {
      const ballast = join(disk, "ballast");
      try {
        writeFileSync(ballast, Buffer.alloc(1_000_000));
      } catch {
        // Deliberately full.
      }
      bridge.start(
        config(`solarview: { file: ${disk}/kaifa.txt }\nlog: { file: ${disk}/log/bridge.log, level: debug }`),
      );
      await published();
      await bridge.says(/kaifa\.txt|ENOSPC|no space/i);
      await published();
      expect(bridge.count(/kaifa\.txt.*ENOSPC|ENOSPC.*kaifa\.txt|no space/i)).toBeLessThanOrEqual(4);
      rmSync(ballast);
      await published();
      // The file is retried with the next line, after a pause of 5 s.
      const sending = setInterval(() => line.write(meter.telegram()), 500);
      await bridge
        .says(/log file .*bridge\.log can be written again; [1-9]\d* lines are missing/)
        .finally(() => clearInterval(sending));
      await expect
        .poll(() => readFileSync(join(disk, "log", "bridge.log"), "utf8"), { timeout: 20_000 })
        .toMatch(/bridge\.log can be written again/);
      await expect
        .poll(() => (existsSync(join(disk, "kaifa.txt")) ? readFileSync(join(disk, "kaifa.txt"), "utf8") : ""), {
          timeout: 20_000,
        })
        .toMatch(SOLARVIEW);
      expect((await bridge.stop()).code).toBe(0);
    } finally {
      await bridge.stop("SIGKILL");
      execFileSync("umount", ["-l", disk]);
    }
  });

  test("a read-only file system: MQTT continues, and the files are written once it is writable", async () => {
    const disk = join(bridge.folder, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", disk]);
    try {
      bridge.start(config(`solarview: { file: ${disk}/kaifa.txt }\nlog: { file: ${disk}/bridge.log }`));
      await published();
      await bridge.says(/kaifa\.txt/);
      await published();
      expect(bridge.count(/kaifa\.txt/)).toBe(1);
      execFileSync("mount", ["-o", "remount,rw", disk]);
      await published();
      const text = (): string =>
        existsSync(join(disk, "kaifa.txt")) ? readFileSync(join(disk, "kaifa.txt"), "utf8") : "";
      await expect.poll(text, { timeout: 20_000 }).toMatch(SOLARVIEW);
      expect((await bridge.stop()).code).toBe(0);
    } finally {
      await bridge.stop("SIGKILL");
      execFileSync("umount", ["-l", disk]);
    }
  });

  test("missing folders, or files in their place: MQTT continues, and it is logged once", async () => {
    const file = join(bridge.folder, "a-file");
    writeFileSync(file, "");
    bridge.start(config(`solarview: { file: ${file}/deep/kaifa.txt }\nlog: { file: ${file}/log/bridge.log }`));
    await published();
    await published();
    await published();
    await bridge.says(/kaifa\.txt/);
    expect(bridge.count(/WARN|ERROR|warn|error/)).toBeLessThanOrEqual(4);
    rmSync(file);
    mkdirSync(join(file, "deep"), { recursive: true });
    await published();
    await expect.poll(() => existsSync(join(file, "deep", "kaifa.txt")), { timeout: 10_000 }).toBe(true);
    expect((await bridge.stop()).code).toBe(0);
  });

  test("a data folder of another user: the fix is logged, MQTT continues, and after the fix everything is stored", async () => {
    const nobody = 65_534;
    bridge.start(config());
    await published();
    expect((await bridge.stop()).code).toBe(0);
    const state = join(bridge.dataDir, "state.json");
    const before = readFileSync(state, "utf8");
    // As after a restore by root: the program runs as another user.
    chmodSync(bridge.folder, 0o777);
    chmodSync(bridge.dataDir, 0o755);
    chmodSync(realpathSync(line.device), 0o666);
    chmodSync(dirname(line.device), 0o755);
    const own = ["sh", "-c", 'chown 65534 "$1"/kaifa2mqtt.yaml; shift; exec "$@"', "-", bridge.folder];
    const prefix = [...own, "setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
    bridge.start(config(), { prefix });
    await bridge.says(new RegExp(`cannot be read or written by user ${nobody}.*chown -R ${nobody}:${nobody} `));
    await published();
    expect(bridge.count(/chown/)).toBe(1);
    expect((await bridge.stop()).code).toBe(0);
    expect(readFileSync(state, "utf8")).toBe(before);
    execFileSync("chown", ["-R", `${nobody}:${nobody}`, bridge.dataDir]);
    bridge.start(config(), { prefix });
    await published();
    expect((await bridge.stop()).code).toBe(0);
    expect(bridge.output).not.toMatch(/chown|cannot/);
    expect(Object.keys((JSON.parse(readFileSync(state, "utf8")) as { meters: object }).meters)).toHaveLength(1);
  });

  test("log file, health socket and their folders, removed while it runs, are created again", async () => {
    const log = join(bridge.folder, "log", "bridge.log");
    bridge.start(config(`log: { file: ${log}, level: debug }`));
    await published();
    rmSync(join(bridge.folder, "log"), { recursive: true });
    renameSync(bridge.dataDir, `${bridge.dataDir}.moved`);
    await published();
    await expect.poll(() => existsSync(log), { timeout: 20_000 }).toBe(true);
    const socket = join(bridge.dataDir, "health.sock");
    await expect.poll(() => existsSync(socket), { timeout: 20_000 }).toBe(true);
    const health = await run(program.main, ["health", "--config", join(bridge.folder, "kaifa2mqtt.yaml")]);
    expect(health.code).toBe(0);
    expect((await bridge.stop()).code).toBe(0);
  });

  test("an unwritable data folder: MQTT continues, and it is logged once", async () => {
    writeFileSync(bridge.dataDir, "a file where the folder should be");
    bridge.start(config());
    await published();
    await bridge.says(/state\.json/);
    await published();
    expect(bridge.count(/state\.json/)).toBe(1);
    expect((await bridge.stop()).code).toBe(0);
  });
});

describe("clocks that jump", () => {
  test("back by a year, ahead by ten, and to 1970: telegrams are still accepted, nothing becomes unavailable", async () => {
    const jump = join(bridge.folder, "jump.mjs");
    const offset = join(bridge.folder, "offset");
    writeFileSync(offset, "0");
    writeFileSync(
      jump,
      `import { readFileSync } from "node:fs";
       const real = Date.now;
       const now = () => real() + Number(readFileSync(${JSON.stringify(offset)}, "utf8"));
       globalThis.Date = class extends Date { constructor(...a) { super(...(a.length === 0 ? [now()] : a)); } static now() { return now(); } };`,
    );
    bridge.start(config(), { env: { NODE_OPTIONS: `--import=${jump}` } });
    await published();
    for (const by of [-365 * 86_400_000, 3_650 * 86_400_000, -Date.now(), 0]) {
      writeFileSync(offset, String(by));
      await published();
      await published();
    }
    expect(
      seen.kept.filter(({ topic, payload }) => topic === `${baseTopic()}/house/availability` && payload === "offline"),
    ).toEqual([]);
    expect(bridge.output).not.toMatch(/implausible/);
    expect((await bridge.stop()).code).toBe(0);
  });
});

describe("the end", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "by %s in the middle of a telegram: within 5 s, exit code 0, offline",
    async (signal) => {
      bridge.start(config(`solarview: { file: ${bridge.folder}/kaifa.txt }`));
      await published();
      const offline = seen.next(
        (topic, payload) => topic === `${baseTopic()}/bridge/state` && payload === "offline",
        "offline",
      );
      line.write(meter.telegram().subarray(0, 150));
      const { code, ms } = await bridge.stop(signal);
      await offline;
      expect(code).toBe(0);
      expect(ms).toBeLessThan(5_000);
      expect(readFileSync(join(bridge.folder, "kaifa.txt"), "utf8")).toMatch(SOLARVIEW);
      expect(
        Object.keys(
          (JSON.parse(readFileSync(join(bridge.dataDir, "state.json"), "utf8")) as { meters: object }).meters,
        ),
      ).toHaveLength(1);
    },
  );

  test("by SIGTERM while the broker hangs: within 5 s, exit code 0", async () => {
    bridge.start(config());
    await published();
    broker.pause();
    const { code, ms } = await bridge.stop();
    broker.resume();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5_000);
  });

  test("by kill -9 at any moment, repeatedly: every file is old or new, and the next run resumes from it", async () => {
    const solarview = join(bridge.folder, "kaifa.txt");
    let highest = 0;
    const rounds = Number(process.env.SURVIVAL_KILLS ?? 12);
    for (let kill = 0; kill < rounds; kill++) {
      bridge.start(config(`solarview: { file: ${solarview} }`));
      await published();
      const sending = setInterval(() => line.write(meter.telegram()), 5);
      await new Promise((resolve) => setTimeout(resolve, 40 + ((kill * 7919) % 160)));
      clearInterval(sending);
      await bridge.stop("SIGKILL");
      // It does not exist before the first write.
      const text = existsSync(solarview) || highest > 0 ? readFileSync(solarview, "utf8") : null;
      if (text === null) continue;
      expect(text).toMatch(SOLARVIEW);
      const energy = Number(/1\.8\.0\((\d+\.\d+)/.exec(text)?.[1]);
      expect(energy).toBeGreaterThanOrEqual(highest);
      highest = energy;
      const state = join(bridge.dataDir, "state.json");
      if (existsSync(state)) expect(JSON.parse(readFileSync(state, "utf8"))).toHaveProperty("version", 1);
    }
    expect(highest).toBeGreaterThan(0);
    const energies = seen.kept
      .filter(({ topic }) => topic === `${baseTopic()}/house/1.8.0`)
      .map(({ payload }) => Number(payload));
    expect(energies.length).toBeGreaterThan(rounds);
    expect(energies.toSorted((a, b) => a - b)).toEqual(energies);
  });
});

describe("secrets", () => {
  test("are in no log at any level, no topic, no file, no output of check, no error and no crash report", async () => {
    const log = join(bridge.folder, "bridge.log");
    const wrong = "FFEEDDCCBBAA99887766554433221100";
    const hunted = [KEY, wrong, PASSWORD, KEY.toLowerCase(), wrong.toLowerCase(), KEY.replace(/(..)(?=.)/g, "$1 ")];
    hunted.push(Buffer.from(KEY, "hex").toString("base64"), Buffer.from(KEY, "hex").toString("latin1"));
    const said: string[] = [];
    for (const format of ["text", "json"]) {
      for (const key of [wrong, KEY]) {
        const env = { NODE_OPTIONS: "--report-on-signal --report-uncaught-exception --abort-on-uncaught-exception" };
        bridge.start(
          config(
            `log: { level: debug, format: ${format}, file: ${log} }\nhttp: { enabled: true, host: 127.0.0.1, port: ${24_000 + round} }`,
            key,
          ),
          { env },
        );
        await bridge.says(/listening/);
        for (let i = 0; i < 6; i++) line.write(meter.telegram());
        line.write(meter.telegram().subarray(0, 100));
        if (key === KEY) await published();
        else await bridge.says(/key/i);
        await bridge.stop();
        said.push(bridge.output);
      }
    }
    chmodSync(join(bridge.folder, "kaifa2mqtt.yaml"), 0o644);
    const file = join(bridge.folder, "kaifa2mqtt.yaml");
    const check = await run(program.main, ["check", "--config", file]);
    expect(check.code).toBe(0);
    expect(check.stdout + check.stderr).toMatch(/read(able)? by|permission|chmod|world/i);
    said.push(check.stdout, check.stderr);
    const broken = join(bridge.folder, "broken.yaml");
    writeFileSync(broken, `${config("", `${KEY}00`)}\nmqtt_: {`);
    for (const args of [
      ["check", "--config", broken],
      ["run", "--config", broken],
      ["decode", "--key", `${KEY}Z`, "-"],
    ]) {
      const outcome = await run(program.main, args, { input: "68" });
      expect(outcome.code).not.toBe(0);
      said.push(outcome.stdout, outcome.stderr);
    }
    for (const { topic, payload } of seen.kept) said.push(topic, payload);
    for (const { name, content } of bridge.files()) if (!name.endsWith(".yaml")) said.push(content);
    expect(said.join("\n").length).toBeGreaterThan(10_000);
    for (const secret of hunted) expect(said.filter((text) => text.includes(secret))).toEqual([]);
  });
});
