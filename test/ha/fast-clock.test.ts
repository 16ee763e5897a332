/**
 * Hours in minutes: Home Assistant, bridge and simulated meter with an accelerated clock (fast-time.ts). First a full hour
 * compared with Home Assistant's `utility_meter`, then outages of each component and their effect on the recorder's hourly
 * statistics. `KAIFA_SPEED=1` takes real hours; docs/home-assistant.md lists the tested speeds.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram, run } from "../helpers/program.ts";
import { FastHomeAssistant, FastTime } from "./fast-time.ts";
import type { StatisticsRow } from "./home-assistant.ts";
import { Adapter } from "./pulled-adapter.ts";
import { KEY, SimulatedMeterProcess } from "./simulated-meter.ts";

const METER = "181210207919";
const NAME = "sensor.kaifa_ma309_";
const IMPORT = `${NAME}energy_import`;
const SPEED = Number(process.env.KAIFA_SPEED ?? 100);
const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Telegram interval; not the usual 5 s, to halve the load on an accelerated Home Assistant. */
const PERIOD_S = 10;
/** Latency from the meter's clock to an entity of Home Assistant, clock differences included: real seconds times the speed. */
const TRANSPORT_S = 0.5;
/** The recorder compiles the last five minutes of an hour ten seconds after it. */
const COMPILED_MS = 2 * MINUTE_MS;
/** Real seconds until everything has started. */
const START_S = 30;

interface LedgerRow {
  readonly start: string;
  readonly end: string;
  readonly energy_import_wh: number;
  readonly mark: string;
}

describe("hours in a real Home Assistant", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let watcher: Subscriber;
  let time: FastTime;
  let home: FastHomeAssistant;
  let meter: SimulatedMeterProcess;
  let adapter: Adapter;
  let bridge: BridgeProcess;
  /** When the hour compared with `utility_meter` begins. */
  let hour: number;

  const startBridge = (): void => {
    const lines = [
      `meter: { port: "${adapter.url}", key: ${KEY} }`,
      `mqtt: { server: "mqtt://127.0.0.1:${broker.port}" }`,
    ];
    bridge.start(lines.join("\n"), { env: time.env() });
  };
  const post = async <Answer>(path: string, body: object): Promise<Answer> => {
    const headers = { authorization: `Bearer ${home.token}`, "content-type": "application/json" };
    const response = await fetch(`${home.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return (await response.json()) as Answer;
  };
  const ledger = async (step: "quarter" | "hour"): Promise<LedgerRow[]> => {
    const { stdout } = await run(program.main, ["export", "--json", "--step", step, "--meter", METER], {
      env: {
        KAIFA2MQTT_DATA_DIR: bridge.dataDir,
        KAIFA2MQTT_TIME_ZONE: "Europe/Vienna",
        KAIFA2MQTT_METER_PORT: adapter.url,
        KAIFA2MQTT_METER_KEY: KEY,
      },
    });
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  /** Maximum difference between the boundaries of two observers at this power, Wh. */
  const doubtWh = (watts: number): number => (watts * (PERIOD_S + TRANSPORT_S * SPEED)) / 3600 + 1;
  const highestPower = async (from: number, to: number): Promise<number> => {
    const id = `${NAME}power_import`;
    const history = await home.ask<Record<string, { s: string }[]>>({
      type: "history/history_during_period",
      start_time: new Date(from).toISOString(),
      end_time: new Date(to).toISOString(),
      entity_ids: [id],
      minimal_response: true,
      no_attributes: true,
    });
    return Math.max(...(history[id] ?? []).map(({ s }) => Number(s)).filter(Number.isFinite));
  };

  beforeAll(async () => {
    // One after the other, so that a failure leaves nothing running that afterAll does not stop.
    program = await buildProgram();
    broker = await (await Mosquitto.prepare()).start();
    const haPort = process.env.KAIFA_HA_PORT === undefined ? await freePort() : Number(process.env.KAIFA_HA_PORT);
    home = new FastHomeAssistant(haPort);
    await home.begin(broker.port);
    // Tomorrow evening, when the simulated house imports; everything runs by half past five.
    const begin = new Date(Date.now() + 24 * HOUR_MS).setUTCHours(16, 30, 0, 0);
    time = new FastTime(SPEED, begin - START_S * 1000 * SPEED);
    await home.startFast(time);
    watcher = await Subscriber.connect(broker.port);
    meter = await SimulatedMeterProcess.startIn(time.env(), program.main, "--interval", String(PERIOD_S));
    adapter = await Adapter.before(meter.port);
    bridge = new BridgeProcess(program.main);
    startBridge();
    await home.numeric(IMPORT);
    const flow = "/api/config/config_entries/flow";
    const { flow_id } = await post<{ flow_id: string }>(flow, { handler: "utility_meter" });
    const created = await post<{ type: string }>(`${flow}/${flow_id}`, {
      name: "Quarter",
      source: IMPORT,
      cycle: "quarter-hourly",
      offset: 0,
      tariffs: [],
      net_consumption: false,
      delta_values: false,
      periodically_resetting: true,
      always_available: false,
    });
    expect(created.type).toBe("create_entry");
    hour = Math.ceil(time.now() / QUARTER_MS) * QUARTER_MS;
  });

  afterAll(async () => {
    await bridge?.close();
    await adapter?.pull();
    await meter?.stop();
    await home?.remove();
    time?.removeShared();
    await watcher?.stop();
    await broker?.close();
    program?.remove();
  });

  it(
    "four quarters of Home Assistant's utility_meter equal the ledger's, within one telegram period",
    async () => {
      const registry = await home.ask<{ entity_id: string; platform: string }[]>({
        type: "config/entity_registry/list",
      });
      const id = registry.find(({ platform }) => platform === "utility_meter")?.entity_id ?? "";
      /** kWh of each quarter by its end. */
      const theirs = new Map<number, number>();
      await time.until(hour);
      /** The ledger's rows of the hour; one marked because of late telegrams may extend beyond it. */
      let ours: LedgerRow[] = [];
      let end = hour + HOUR_MS;
      while (!theirs.has(end) || ours.at(-1)?.end === undefined || Date.parse(ours.at(-1)?.end ?? "") !== end) {
        await time.minutes(1);
        const { last_reset: reset, last_period: kWh } = (await home.state(id))?.attributes ?? {};
        const at = Math.round(Date.parse(String(reset)) / QUARTER_MS) * QUARTER_MS;
        if (at > hour) theirs.set(at, Number(kWh));
        if (time.now() < end) continue;
        ours = (await ledger("quarter")).filter(
          (row) => Date.parse(row.start) >= hour && Date.parse(row.start) < hour + HOUR_MS,
        );
        end = Math.max(end, Date.parse(ours.at(-1)?.end ?? ""));
        if (time.now() > end + HOUR_MS) throw new Error(`${JSON.stringify([...theirs])} ${JSON.stringify(ours)}`);
      }
      const watts = await highestPower(hour, end);
      const pairs = ours.map((row) => {
        const within = [...theirs].filter(([at]) => at > Date.parse(row.start) && at <= Date.parse(row.end));
        return [Math.round(within.reduce((sum, [, kWh]) => sum + kWh, 0) * 1000), row.energy_import_wh] as const;
      });
      const sum = (side: 0 | 1): number => pairs.reduce((total, pair) => total + pair[side], 0);
      const each = pairs.map((pair) => pair.join("/")).join(" ");
      console.log(`utility_meter/ledger, Wh: ${each}; sum ${sum(0)}/${sum(1)}; up to ${watts} W, speed ${SPEED}`);
      expect(Date.parse(ours[0]?.start ?? "")).toBe(hour);
      // Each quarter has two boundaries; those between the quarters cancel out in the sum.
      for (const [their, our] of pairs) expect(Math.abs(their - our)).toBeLessThanOrEqual(2 * doubtWh(watts));
      expect(Math.abs(sum(0) - sum(1))).toBeLessThanOrEqual(2 * doubtWh(watts));
    },
    2 * HOUR_MS,
  );

  describe("with outages, its hourly energy statistics", () => {
    /** The hour in which the bridge and the broker are down for five minutes each. */
    let first: number;
    /** When the adapter was unplugged and plugged in again, and the register at both times, kWh. */
    const hole = { from: 0, to: 0, before: 0, after: 0 };
    /** The same for Home Assistant, stopped before the end of an hour and started after it; the register when it had stopped. */
    const restart = { from: 0, to: 0, before: 0 };
    let rows: StatisticsRow[];
    const hourOf = (at: number): number => Math.floor(at / HOUR_MS) * HOUR_MS;
    const rowOf = (at: number): StatisticsRow | undefined => rows.find(({ start }) => start === hourOf(at));
    /** kWh of an hour's bar: its sum without that of the last row before it. */
    const barOf = (at: number): number => {
      const before = rows.filter(({ start }) => start < hourOf(at)).at(-1);
      return (rowOf(at)?.sum ?? Number.NaN) - (before?.sum ?? Number.NaN);
    };
    const register = (): number => Number(watcher.latest.get(`kaifa2mqtt/${METER}/1.8.0`));

    beforeAll(async () => {
      first = hourOf(time.now() + 25 * MINUTE_MS);
      await time.until(first);
      await bridge.stop();
      await time.minutes(5);
      startBridge();
      await home.numeric(IMPORT, 60_000);
      await broker.stop();
      await time.minutes(5);
      await broker.start();
      await home.numeric(IMPORT, 60_000);

      await time.until(first + 55 * MINUTE_MS);
      restart.from = time.now();
      await home.stopFast();
      restart.before = register();
      await time.until(first + 65 * MINUTE_MS);
      await home.startFast();
      restart.to = time.now();
      await home.numeric(IMPORT, 60_000);

      await time.minutes(5);
      await adapter.pull();
      hole.from = time.now();
      await time.minutes(10);
      hole.before = register();
      expect((await home.state(IMPORT))?.state).toBe("unavailable");
      await time.until(hole.from + 2 * HOUR_MS);
      await adapter.plug();
      hole.to = time.now();
      await home.numeric(IMPORT, 60_000);
      // Power is published first, the registers once a second telegram agrees.
      hole.after = await home.until("a register", async () => register() > hole.before && register(), 60_000);
      const last = hourOf(time.now());
      await time.until(last + HOUR_MS + COMPILED_MS);
      rows = await home.until(
        "the last hour is compiled",
        async () => {
          const found = (await home.statistics([IMPORT], "hour"))[IMPORT] ?? [];
          return found.some(({ start }) => start === last) && found;
        },
        60_000,
      );
      const line = ({ start, sum = 0, state }: StatisticsRow): string =>
        `${new Date(start).toISOString()} sum ${sum.toFixed(3)} register ${state}`;
      const when = (at: number): string => new Date(at).toISOString();
      console.log(
        [
          `bridge and broker down within ${when(first)}; Home Assistant ${when(restart.from)} to ${when(restart.to)}, ${restart.before} kWh;`,
          `adapter ${when(hole.from)} to ${when(hole.to)}, ${hole.before} to ${hole.after} kWh; speed ${SPEED}`,
          ...rows.map(line),
        ].join("\n"),
      );
    }, 6 * HOUR_MS);

    it("add up to the increase of the register, hour by hour, whatever was down", () => {
      expect(rows.length).toBeGreaterThanOrEqual(4);
      for (const [index, row] of rows.entries()) {
        const before = rows[index - 1];
        if (before === undefined) continue;
        expect((row.sum ?? 0) - (before.sum ?? 0)).toBeCloseTo((row.state ?? 0) - (before.state ?? 0), 6);
        expect((row.sum ?? 0) - (before.sum ?? 0)).toBeGreaterThanOrEqual(0);
      }
      expect(rows.at(-1)?.state).toBeGreaterThanOrEqual(hole.after);
    });

    it("are complete for an hour in which the bridge and the broker were down for minutes", () => {
      const before = rows.filter(({ start }) => start < first).at(-1);
      expect(before?.start).toBe(first - HOUR_MS);
      expect(rowOf(first)?.state).toBeGreaterThan(before?.state ?? Number.NaN);
    });

    it("assign the energy used while Home Assistant was stopped to the hour of its return", () => {
      expect(hourOf(restart.to)).toBeGreaterThan(hourOf(restart.from));
      const known = rows.filter(({ start }) => start < hourOf(restart.to)).at(-1)?.state ?? Number.NaN;
      expect(known).toBeLessThanOrEqual(restart.before);
      for (let at = hourOf(restart.from) + HOUR_MS; at < hourOf(restart.to); at += HOUR_MS) {
        if (rowOf(at) !== undefined) expect(barOf(at)).toBeCloseTo(0, 6);
      }
      expect(barOf(restart.to)).toBeCloseTo((rowOf(restart.to)?.state ?? Number.NaN) - known, 6);
      expect(rowOf(restart.to)?.state).toBeGreaterThan(restart.before);
    });

    it("have no bar for a full hour without the adapter, and the energy of both hours in that of its return", () => {
      expect(rowOf(hole.from)?.state).toBe(hole.before);
      for (let at = hourOf(hole.from) + HOUR_MS; at < hourOf(hole.to); at += HOUR_MS) expect(rowOf(at)).toBeUndefined();
      expect(hole.after - hole.before).toBeGreaterThan(0.2);
      expect(barOf(hole.to)).toBeGreaterThanOrEqual(hole.after - hole.before - 1e-6);
      expect(barOf(hole.to)).toBeCloseTo((rowOf(hole.to)?.state ?? 0) - hole.before, 6);
    });
  });
});
