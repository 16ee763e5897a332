/**
 * The bridge in a real Home Assistant: entities, statistics, and restarts and changes of every component. One Home
 * Assistant, one broker, one simulated meter whose registers keep counting; the tests build on each other in order.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { HomeAssistant, pause } from "./home-assistant.ts";
import { KEY, SimulatedMeterProcess } from "./simulated-meter.ts";

/** Numbers of the simulated meters: Netz NÖ with seed 1, KSM-West with seed 2. */
const METER = "181210207919";
const NAME = "sensor.kaifa_ma309_";
const ENERGIES = [`${NAME}energy_import`, `${NAME}energy_export`];

const NETZ_NOE = {
  energy_import: ["Energy import", "energy", "total_increasing", "kWh", 3],
  energy_export: ["Energy export", "energy", "total_increasing", "kWh", 3],
  power_import: ["Power import", "power", "measurement", "W", 0],
  power_export: ["Power export", "power", "measurement", "W", 0],
  power_net: ["Power net", "power", "measurement", "W", 0],
  power_factor: ["Power factor", "power_factor", "measurement", undefined, 3],
  voltage_l1: ["Voltage L1", "voltage", "measurement", "V", 1],
  voltage_l2: ["Voltage L2", "voltage", "measurement", "V", 1],
  voltage_l3: ["Voltage L3", "voltage", "measurement", "V", 1],
  current_l1: ["Current L1", "current", "measurement", "A", 2],
  current_l2: ["Current L2", "current", "measurement", "A", 2],
  current_l3: ["Current L3", "current", "measurement", "A", 2],
} as const;
/** Diagnostic entities of a meter, by key. */
const DIAGNOSTIC = {
  status: "sensor",
  last_telegram: "sensor",
  telegrams_accepted: "sensor",
  telegrams_rejected: "sensor",
  problem: "binary_sensor",
  connectivity: "binary_sensor",
  restart_listening: "button",
  take_capture: "button",
  event: "event",
} as const;
/** The ledger's entities without tariff windows. */
const LEDGER_KEYS = [
  ...["quarter_energy_import", "quarter_energy_export", "quarter_power_forecast", "last_quarter_energy_import"],
  ...["last_quarter_energy_export", "last_quarter_power", "month_peak_power", "month_peak_start"],
];
const ENTITY_COUNT = Object.keys(NETZ_NOE).length + Object.keys(DIAGNOSTIC).length + LEDGER_KEYS.length;
/** Initial entity ids: platform and device name, then the key. */
const entityIdOf = (key: string, device = "kaifa_ma309"): string =>
  `${DIAGNOSTIC[key as keyof typeof DIAGNOSTIC] ?? "sensor"}.${device}_${key}`;

interface Settings {
  readonly meters: readonly { readonly port: string; readonly id?: string; readonly name?: string }[];
  readonly base?: string;
  readonly language?: "en" | "de";
  readonly discovery?: boolean;
  readonly form?: "device" | "entity";
  readonly topics?: "all" | "values" | "json";
  readonly interval?: number;
}

describe("in a real Home Assistant", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let watcher: Subscriber;
  let home: HomeAssistant;
  let meter: SimulatedMeterProcess;
  let second: SimulatedMeterProcess;
  let fast: SimulatedMeterProcess;
  let bridge: BridgeProcess;
  let otherBridge: BridgeProcess;
  const warnings: string[] = [];

  const yaml = ({
    meters,
    base,
    language = "en",
    discovery = true,
    form = "entity",
    topics = "all",
    interval = 0,
  }: Settings): string =>
    [
      "meters:",
      ...meters.flatMap(({ port, id, name }) => [
        `  - port: ${port}`,
        `    key: ${KEY}`,
        ...(id === undefined ? [] : [`    id: ${id}`]),
        ...(name === undefined ? [] : [`    name: ${name}`]),
      ]),
      `mqtt: { server: "mqtt://127.0.0.1:${broker.port}", base_topic: ${base ?? "kaifa2mqtt"} }`,
      `homeassistant: { enabled: ${discovery}, language: ${language}, discovery: ${form} }`,
      `publish: { interval: ${interval}, topics: ${topics} }`,
      // The accelerated meter counts an hour's energy in half a minute.
      "plausibility: { max_power: 10000000 }",
    ].join("\n");

  /** Restarts the bridge with other settings. */
  const restartWith = async (settings: Partial<Settings>): Promise<void> => {
    await bridge.stop();
    bridge.start(yaml({ meters: [{ port: meter.url }], ...settings }));
  };
  const entityIds = async (): Promise<string[]> =>
    [...(await home.entities(METER)).values()].map(({ entity_id }) => entity_id).sort();
  /** For each entity: registry id, entity id, unique id, custom name, whether it is disabled. */
  const registryOf = async (id: string): Promise<string[]> =>
    [...(await home.entities(id)).values()]
      .map(({ entity_id, unique_id, name, disabled_by, id }) => [id, entity_id, unique_id, name, disabled_by].join(" "))
      .sort();
  /** Asserts that every enabled entity has a value. */
  const nothingUnknown = async (): Promise<void> => {
    await home.until("nothing is unknown", async () => {
      const [entities, states] = [await home.entities(METER), await home.states()];
      const enabled = [...entities.values()].filter(({ disabled_by }) => disabled_by === null);
      const without = enabled.filter(
        ({ entity_id }) =>
          /^un/.test(states.get(entity_id)?.state ?? "unknown") &&
          /^(binary_)?sensor\./.test(entity_id) &&
          !/quarter|month/.test(entity_id),
      );
      return enabled.length > 0 && without.length === 0;
    });
  };
  /** Collects Home Assistant's warnings before its log is reset. */
  const collectWarnings = async (): Promise<void> => {
    warnings.push(...(await home.warnings()).split("\n"));
  };

  beforeAll(async () => {
    // One after the other, so that a failure leaves nothing running that afterAll does not stop.
    program = await buildProgram();
    broker = await (await Mosquitto.prepare()).start();
    const haPort = process.env.KAIFA_HA_PORT === undefined ? await freePort() : Number(process.env.KAIFA_HA_PORT);
    home = new HomeAssistant(haPort);
    await home.begin(broker.port);
    watcher = await Subscriber.connect(broker.port);
    meter = await SimulatedMeterProcess.start(program.main, "--interval", "1");
    second = await SimulatedMeterProcess.start(program.main, "--interval", "1", "--seed", "2");
    bridge = new BridgeProcess(program.main);
    otherBridge = new BridgeProcess(program.main);
  });

  afterAll(async () => {
    await bridge?.close();
    await otherBridge?.close();
    await Promise.all([meter, second, fast].map((one) => one?.stop()));
    await home?.remove();
    await watcher?.stop();
    await broker?.close();
    program?.remove();
  });

  it("the meter appears as one device with its identity, in no area", async () => {
    bridge.start(yaml({ meters: [{ port: meter.url }] }));
    await home.numeric(`${NAME}energy_import`);
    const devices = await home.devices();
    expect(devices).toHaveLength(1);
    expect(devices[0]).toMatchObject({
      name: "Kaifa MA309",
      manufacturer: "Kaifa",
      model: "MA309",
      serial_number: METER,
      area_id: null,
    });
    expect(devices[0]?.sw_version).toMatch(/^kaifa2mqtt \d+\.\d+\.\d+/);
  });

  it("the bridge is a separate device, through which the meter is connected", async () => {
    const own = await home.bridge();
    expect(own).toMatchObject({ name: "kaifa2mqtt bridge", manufacturer: "kaifa2mqtt" });
    expect((await home.devices())[0]?.via_device_id).toBe(own?.id);
    await home.becomes("binary_sensor.kaifa2mqtt_bridge_connectivity", "on");
    await home.becomes("binary_sensor.kaifa2mqtt_bridge_problem", "off");
    expect((await home.state("sensor.kaifa2mqtt_bridge_version"))?.state).toMatch(/^\d+\.\d+\.\d+/);
    expect((await home.state("sensor.kaifa2mqtt_bridge_broker"))?.state).toBe(`mqtt://127.0.0.1:${broker.port}`);
  });

  it("every quantity is an entity with name, classes, unit, precision and a value", async () => {
    const entities = await home.until("all entities are there", async () => {
      const found = await home.entities(METER);
      return found.size === ENTITY_COUNT && found;
    });
    await home.numeric(`${NAME}voltage_l3`);
    await home.numeric(`${NAME}telegrams_rejected`);
    const states = await home.states();
    for (const [key, [name, deviceClass, stateClass, unit, precision]] of Object.entries(NETZ_NOE)) {
      const entity = entities.get(key);
      expect(entity).toMatchObject({
        entity_id: `${NAME}${key}`,
        original_name: name,
        entity_category: null,
        disabled_by: null,
      });
      const state = states.get(`${NAME}${key}`);
      expect(state?.state).toMatch(/^-?\d+(\.\d+)?$/);
      expect([key, state?.attributes.friendly_name]).toEqual([key, `Kaifa MA309 ${name}`]);
      expect([key, state?.attributes.device_class]).toEqual([key, deviceClass]);
      expect([key, state?.attributes.state_class]).toEqual([key, stateClass]);
      expect([key, state?.attributes.unit_of_measurement]).toEqual([key, unit]);
      const registered = await home.ask<{ options: { sensor?: { suggested_display_precision?: number } } }>({
        type: "config/entity_registry/get",
        entity_id: `${NAME}${key}`,
      });
      expect([key, registered.options.sensor?.suggested_display_precision]).toEqual([key, precision]);
    }
  });

  it("diagnostic entities show the meter's state; those that change constantly are disabled", async () => {
    const entities = await home.entities(METER);
    const keys = Object.keys(DIAGNOSTIC);
    for (const key of keys) {
      expect([key, entities.get(key)?.entity_category]).toEqual([key, "diagnostic"]);
      expect(entities.get(key)?.entity_id).toBe(entityIdOf(key));
    }
    const disabled = keys.filter((key) => entities.get(key)?.disabled_by !== null);
    expect(disabled).toEqual(["last_telegram", "telegrams_accepted", "restart_listening", "take_capture", "event"]);
    expect(await home.state(`${NAME}status`)).toMatchObject({
      state: "OK",
      attributes: { code: "ok", text: expect.stringMatching(/^All well/) },
    });
    expect((await home.state(entityIdOf("problem")))?.state).toBe("off");
    expect((await home.state(entityIdOf("connectivity")))?.state).toBe("on");
    expect((await home.state(`${NAME}telegrams_rejected`))?.state).toMatch(/^\d+$/);
    for (const key of disabled) {
      await home.ask({ type: "config/entity_registry/update", entity_id: entityIdOf(key), disabled_by: null });
    }
    await home.ask({ type: "call_service", domain: "homeassistant", service: "reload_all", service_data: {} });
    await home.numeric(`${NAME}telegrams_accepted`, 60_000);
    const telegram = (await home.state(`${NAME}last_telegram`))?.state ?? "";
    expect(Math.abs(Date.now() - Date.parse(telegram))).toBeLessThan(120_000);
  });

  it("the buttons make the bridge reopen its port and take a capture", async () => {
    for (const key of ["restart_listening", "take_capture"]) {
      await home.until(`${key} is there`, async () => (await home.state(entityIdOf(key))) !== undefined, 60_000);
      const entity_id = entityIdOf(key);
      await home.ask({ type: "call_service", domain: "button", service: "press", service_data: { entity_id } });
    }
    await home.until(
      "both are done",
      async () => /is being reopened/.test(bridge.output) && /taking a capture/.test(bridge.output),
    );
  });

  it("import and export can be selected in the Energy dashboard, with net power", async () => {
    await home.ask({
      type: "energy/save_prefs",
      energy_sources: [
        {
          type: "grid",
          stat_energy_from: ENERGIES[0],
          stat_energy_to: ENERGIES[1],
          stat_rate: `${NAME}power_net`,
          number_energy_price: 0.25,
          cost_adjustment_day: 0,
        },
      ],
    });
    const { energy_sources: issues } = await home.ask<{ energy_sources: { type: string }[][] }>({
      type: "energy/validate",
    });
    expect(issues.flat().filter(({ type }) => type !== "statistics_not_defined")).toEqual([]);
  });

  it("an accelerated hour of telegrams starts (its sum is checked at the end)", async () => {
    fast = await SimulatedMeterProcess.start(
      program.main,
      ...["--layout", "ksm-west", "--seed", "3", "--interval", "0.05", "--speed", "100", "--count", "720"],
    );
    otherBridge.start(yaml({ meters: [{ port: fast.url, id: "hour", name: "Hour" }], base: "accelerated" }));
    await home.numeric("sensor.hour_energy_import");
  });

  it("after a restart of Home Assistant, the same entities have values at once", async () => {
    const before = await entityIds();
    await collectWarnings();
    await home.restart();
    await home.numeric(`${NAME}energy_import`);
    await nothingUnknown();
    expect(await entityIds()).toEqual(before);
  });

  it.each([
    ["that forgets what was retained", false],
    ["that keeps what was retained", true],
  ])("after a restart of a broker %s they turn unavailable and come back", async (_which, persistent) => {
    const before = await entityIds();
    await fast.done();
    await broker.stop();
    await home.becomes(`${NAME}energy_import`, "unavailable");
    await broker.start(undefined, { persistent });
    await home.numeric(`${NAME}energy_import`, 60_000);
    await nothingUnknown();
    expect(await entityIds()).toEqual(before);
    expect(await home.devices()).toHaveLength(2);
  });

  it("while the bridge is stopped, they are unavailable; after its start, they continue", async () => {
    const before = await home.numeric(`${NAME}energy_export`);
    await bridge.stop();
    await home.becomes(`${NAME}energy_export`, "unavailable");
    await home.becomes(`${NAME}status`, "unavailable");
    bridge.start(yaml({ meters: [{ port: meter.url }] }));
    expect(await home.numeric(`${NAME}energy_export`)).toBeGreaterThanOrEqual(before);
    await nothingUnknown();
  });

  it("when the bridge is killed, its last will makes them unavailable", async () => {
    await bridge.stop("SIGKILL");
    await home.becomes(`${NAME}power_net`, "unavailable");
    bridge.start(yaml({ meters: [{ port: meter.url }] }));
    await home.numeric(`${NAME}power_net`);
  });

  it("when the meter goes silent, its values become unavailable, the status says why, and one telegram restores them", async () => {
    // Its period must be known; until then no telegram counts as late.
    for (let count = 0; count < 3; count++) await watcher.next((topic) => topic === `kaifa2mqtt/${METER}`, "a reading");
    meter.silence();
    await home.becomes(`${NAME}power_net`, "unavailable", 60_000).catch((error: unknown) => {
      meter.speak();
      throw error;
    });
    const status = await home.until("the status tells it", async () => {
      const state = (await home.state(`${NAME}status`))?.state ?? "";
      return !/^OK$|^un/.test(state) && state;
    });
    expect(status).toBe("Silent");
    await home.becomes(entityIdOf("problem"), "on");
    await home.becomes(entityIdOf("connectivity"), "off");
    await home.becomes("binary_sensor.kaifa2mqtt_bridge_problem", "on");
    meter.speak();
    await home.numeric(`${NAME}power_net`, 10_000);
    await nothingUnknown();
    await home.until("all is well", async () => (await home.state(`${NAME}status`))?.state === "OK");
  });

  it("a custom name and entity id in Home Assistant are kept", async () => {
    await home.ask({
      type: "config/entity_registry/update",
      entity_id: `${NAME}voltage_l1`,
      name: "Phase at the door",
      new_entity_id: "sensor.door_phase",
    });
    await restartWith({});
    await home.until("the renamed entity has a value", async () =>
      /^\d/.test((await home.state("sensor.door_phase"))?.state ?? ""),
    );
    expect((await home.state("sensor.door_phase"))?.attributes.friendly_name).toMatch(/Phase at the door$/);
    expect(await home.state(`${NAME}voltage_l1`)).toBeUndefined();
  });

  it("a change of language changes the names, but neither ids nor number of the entities", async () => {
    const before = await entityIds();
    await restartWith({ language: "de" });
    await home.until("German names", async () => {
      const state = await home.state(`${NAME}energy_import`);
      return state?.attributes.friendly_name === "Kaifa MA309 Energie Bezug";
    });
    expect(await entityIds()).toEqual(before);
    expect((await home.state("sensor.door_phase"))?.attributes.friendly_name).toMatch(/Phase at the door$/);
  });

  it("a change of the meter's name changes the device's name, but no id", async () => {
    const before = await entityIds();
    await restartWith({ meters: [{ port: meter.url, name: "Haus" }] });
    await home.until("the device's new name", async () => (await home.devices()).some(({ name }) => name === "Haus"));
    await home.numeric(`${NAME}energy_import`);
    expect(await entityIds()).toEqual(before);
  });

  it("a change of the base topic moves the same entities and leaves nothing behind", async () => {
    const before = await entityIds();
    await restartWith({ base: "cellar/power" });
    await watcher.until(
      (topic, payload) => topic === `kaifa2mqtt/${METER}/1.8.0` && payload === "",
      "old values cleared",
    );
    await home.until("values from the new topic", async () => {
      const value = watcher.latest.get(`cellar/power/${METER}/16.7.0`);
      return value !== undefined && (await home.state(`${NAME}power_net`))?.state === value;
    });
    expect(await entityIds()).toEqual(before);
    const left = [...watcher.latest].filter(([topic, payload]) => topic.startsWith(`kaifa2mqtt/${METER}`) && payload);
    expect(left).toEqual([]);
    await restartWith({});
    await home.numeric(`${NAME}power_net`);
  });

  it("two meters in one process are two separate devices", async () => {
    await restartWith({ meters: [{ port: meter.url }, { port: second.url, id: "second" }] });
    const device = await home.until("a second device", async () =>
      (await home.devices()).find(({ identifiers }) => identifiers.some(([, id]) => id === "kaifa2mqtt_second")),
    );
    expect(device.name).toBe("Kaifa MA309 second");
    const entities = await home.until("its entities", async () => {
      const found = await home.entities("second");
      return found.size === ENTITY_COUNT && found;
    });
    for (const [key, { entity_id }] of entities) expect(entity_id).toBe(entityIdOf(key, "kaifa_ma309_second"));
    await home.numeric(`${NAME}second_energy_import`);
    const [one, two] = [METER, "second"].map((id) => JSON.parse(watcher.latest.get(`kaifa2mqtt/${id}`) ?? "{}"));
    expect(one.meter).not.toBe(two.meter);
    expect(one.voltage_l1).not.toBe(two.voltage_l1);
  });

  it("a meter that is removed from the configuration and added again keeps its custom ids and names", async () => {
    const both = { meters: [{ port: meter.url }, { port: second.url, id: "second" }] };
    await home.ask({
      type: "config/entity_registry/update",
      entity_id: `${NAME}second_voltage_l2`,
      name: "Phase in the cellar",
      new_entity_id: "sensor.cellar_phase",
    });
    const before = await registryOf("second");
    await restartWith({});
    await home.becomes("sensor.cellar_phase", "unavailable");
    expect(await registryOf("second")).toEqual(before);
    await restartWith(both);
    await home.numeric("sensor.cellar_phase");
    expect(await registryOf("second")).toEqual(before);
    expect((await home.state("sensor.cellar_phase"))?.attributes.friendly_name).toMatch(/Phase in the cellar$/);
  });

  it("a meter that is removed from the configuration keeps its entities as unavailable; `forget` removes them", async () => {
    const before = [...(await home.entities("second")).values()].map(({ entity_id }) => entity_id).sort();
    await restartWith({});
    await home.numeric(`${NAME}energy_import`);
    const kept = [...(await home.entities("second")).values()].map(({ entity_id }) => entity_id).sort();
    expect(kept).toEqual(before);
    const energy = kept.find((id) => id.endsWith("_energy_import") && !id.includes("quarter")) ?? "";
    await home.until("it is unavailable", async () => (await home.state(energy))?.state === "unavailable");
    const args = [program.main, "forget", "second", "--config", join(bridge.folder, "kaifa2mqtt.yaml")];
    await promisify(execFile)(process.execPath, args);
    await home.until("one device less", async () => (await home.entities("second")).size === 0);
    await home.until("its device is gone", async () => (await home.devices()).length === 2);
    await home.numeric(`${NAME}energy_import`);
  });

  it("switching discovery off removes all entities; switched on, they have their initial unique ids and entity ids", async () => {
    const uniqueIds = async (): Promise<string[]> =>
      [...(await home.entities(METER)).values()].map(({ unique_id }) => unique_id).sort();
    const before = await uniqueIds();
    await restartWith({ discovery: false });
    await home.until("no entity is left", async () => (await home.entities(METER)).size === 0);
    expect((await home.devices()).map(({ name }) => name)).toEqual(["Hour"]);
    await restartWith({});
    await home.numeric(`${NAME}energy_import`);
    await home.until("all are back", async () => (await uniqueIds()).length === before.length);
    expect(await uniqueIds()).toEqual(before);
    // Home Assistant forgets a custom entity id together with the entity.
    const keys = [...Object.keys(NETZ_NOE), ...Object.keys(DIAGNOSTIC), ...LEDGER_KEYS];
    expect(await entityIds()).toEqual(keys.map((key) => entityIdOf(key)).sort());
  });

  it("two bridges on one broker leave each other alone", async () => {
    const third = new BridgeProcess(program.main);
    try {
      third.start(yaml({ meters: [{ port: second.url, id: "third", name: "Neighbour" }], base: "neighbour" }));
      await home.numeric("sensor.neighbour_energy_import");
      expect((await home.devices()).map(({ name }) => name).sort()).toEqual(["Hour", "Kaifa MA309", "Neighbour"]);
      await third.stop();
      await home.becomes("sensor.neighbour_energy_import", "unavailable");
      expect((await home.state(`${NAME}energy_import`))?.state).toMatch(/^\d/);
    } finally {
      await third.close();
    }
  });

  it("announcements of version 1.0.0 are taken over with ids and names, in either form, and back", async () => {
    const announced = JSON.parse(
      readFileSync("test/fixtures/discovery/1.0.0/netz-noe.en.json", "utf8")
        .replaceAll("181220000009", "upgraded")
        .replaceAll('"kaifa2mqtt/', '"upgraded/')
        .replaceAll("Kaifa MA309", "Upgraded")
        .replaceAll("kaifa_ma309", "upgraded"),
    ) as { topic: string }[];
    const retain = (topic: string, payload: string) =>
      watcher.client.publishAsync(topic, payload, { retain: true, qos: 1 });
    const announce = async (): Promise<void> => {
      for (const { topic, ...message } of announced) await retain(topic, JSON.stringify(message));
    };
    await announce();
    await home.until("its entities", async () => (await home.entities("upgraded")).size === announced.length);
    await home.ask({
      type: "config/entity_registry/update",
      entity_id: "sensor.upgraded_voltage_l3",
      name: "Phase in the attic",
      new_entity_id: "sensor.attic_phase",
    });
    const before = await registryOf("upgraded");
    const now = new BridgeProcess(program.main);
    try {
      for (const form of ["device", "entity"] as const) {
        const meters = [{ port: second.url, id: "upgraded", name: "Upgraded" }];
        now.start(yaml({ meters, base: "upgraded", form }));
        await home.numeric("sensor.attic_phase");
        await home.until("what is new", async () => (await home.entities("upgraded")).size === ENTITY_COUNT);
        expect(await registryOf("upgraded")).toEqual(expect.arrayContaining(before));
        await now.stop();
        await home.becomes("sensor.attic_phase", "unavailable");
      }
      await announce();
      await retain("upgraded/bridge/state", "online");
      await retain("upgraded/upgraded/availability", "online");
      await home.numeric("sensor.attic_phase");
      expect(await registryOf("upgraded")).toEqual(expect.arrayContaining(before));
    } finally {
      await now.close();
    }
  });

  it("publish.interval keeps the recorder small: one state per interval", async () => {
    const changesIn = async (ms: number): Promise<number> => {
      const start = new Date();
      await pause(ms);
      const history = await home.ask<Record<string, unknown[]>>({
        type: "history/history_during_period",
        start_time: start.toISOString(),
        entity_ids: [`${NAME}power_net`],
        include_start_time_state: false,
        minimal_response: true,
        no_attributes: true,
      });
      return history[`${NAME}power_net`]?.length ?? 0;
    };
    const each = await changesIn(8000);
    await restartWith({ interval: 4 });
    await home.numeric(`${NAME}power_net`);
    await pause(1000);
    const thinned = await changesIn(8000);
    expect(each).toBeGreaterThanOrEqual(6);
    expect(thinned).toBeGreaterThanOrEqual(1);
    expect(thinned).toBeLessThanOrEqual(3);
    await restartWith({});
  });

  it("one message per device instead of one per entity, and back: every id, name and state is kept", async () => {
    const registry = () => registryOf(METER);
    await home.ask({
      type: "config/entity_registry/update",
      entity_id: `${NAME}voltage_l1`,
      name: "Phase at the door",
      new_entity_id: "sensor.door_phase",
    });
    const before = await registry();
    const device = `homeassistant/device/kaifa2mqtt_${METER}/config`;
    const single = `homeassistant/sensor/kaifa2mqtt_${METER}/energy_import/config`;
    await restartWith({ form: "device" });
    await watcher.until((topic, payload) => topic === single && payload === "", "the single messages emptied");
    await home.numeric(`${NAME}energy_import`);
    await home.until("the renamed entity is back", async () =>
      /^\d/.test((await home.state("sensor.door_phase"))?.state ?? ""),
    );
    expect(await registry()).toEqual(before);
    await collectWarnings();
    await home.restart();
    await home.numeric(`${NAME}energy_import`);
    expect(await registry()).toEqual(before);
    await restartWith({});
    await watcher.until((topic, payload) => topic === device && payload === "", "the message of the device emptied");
    await home.numeric(`${NAME}energy_import`);
    await home.until("the renamed entity is back", async () =>
      /^\d/.test((await home.state("sensor.door_phase"))?.state ?? ""),
    );
    expect(await registry()).toEqual(before);
  });

  it("one JSON object per reading instead of a topic per value: the same entities continue", async () => {
    const before = await entityIds();
    await restartWith({ topics: "json" });
    await watcher.until(
      (topic, payload) => topic === `kaifa2mqtt/${METER}/1.8.0` && payload === "",
      "old value cleared",
    );
    await home.until("the value of the object", async () => {
      const { power_net: value } = JSON.parse(watcher.latest.get(`kaifa2mqtt/${METER}`) ?? "{}");
      return value !== undefined && (await home.state(`${NAME}power_net`))?.state === String(value);
    });
    expect(await entityIds()).toEqual(before);
    await restartWith({});
    await watcher.until((topic, payload) => topic === `kaifa2mqtt/${METER}/1.8.0` && payload !== "", "values again");
    await nothingUnknown();
  });

  it("statistics are compiled: the hour's sum is the energy that the meter counted", async () => {
    const ids = ["sensor.hour_energy_import", "sensor.hour_energy_export"] as const;
    const known = await home.until(
      "the recorder has compiled statistics",
      async () => {
        const rows = await home.statistics(ids, "5minute");
        // The recorder may first run before the hour is over: wait until the last value is included.
        const isWhole = (id: string): boolean => {
          const topic = `accelerated/hour/${id.endsWith("import") ? "1.8.0" : "2.8.0"}`;
          return rows[id]?.at(-1)?.state === Number(watcher.latest.get(topic));
        };
        return ids.every(isWhole) && rows;
      },
      330_000,
    );
    let moved = 0;
    for (const id of ids) {
      const history = await home.ask<Record<string, { s: string }[]>>({
        type: "history/history_during_period",
        start_time: new Date(Date.now() - 3_600_000).toISOString(),
        entity_ids: [id],
        minimal_response: true,
        no_attributes: true,
        significant_changes_only: false,
      });
      const values = (history[id] ?? []).map(({ s }) => Number(s)).filter(Number.isFinite);
      const [first = Number.NaN, last = Number.NaN] = [values[0], values.at(-1)];
      expect(known[id]?.at(-1)?.sum).toBeCloseTo(last - first, 6);
      moved += last - first;
      const topic = id.endsWith("import") ? "1.8.0" : "2.8.0";
      expect(last).toBe(Number(watcher.latest.get(`accelerated/hour/${topic}`)));
    }
    expect(moved).toBeGreaterThan(0.1);
    const list = await home.ask<{ statistic_id: string; has_sum: boolean; mean_type: number }[]>({
      type: "recorder/list_statistic_ids",
    });
    const kind = (id: string) => list.find(({ statistic_id }) => statistic_id === id);
    expect(kind(`${NAME}energy_import`)).toMatchObject({ has_sum: true });
    expect(kind(`${NAME}power_net`)).toMatchObject({ mean_type: 1 });
  });

  it("the Energy dashboard's validation reports no issues", async () => {
    const issues = await home.until(
      "validation without issues",
      async () => {
        const { energy_sources: found } = await home.ask<{ energy_sources: unknown[][] }>({ type: "energy/validate" });
        return found.flat().length === 0 && found;
      },
      60_000,
    );
    expect(issues.flat()).toEqual([]);
  });

  it("Home Assistant's log has no warning about us", async () => {
    await collectWarnings();
    const ours =
      /kaifa|sensor\.(hour|neighbour|door|cellar|attic|upgraded)|components.mqtt.(sensor|entity|discovery|models|schemas)|181210/i;
    // Its message about the last step of the documented migration: the old topics are cleared while it is subscribed.
    const ofMigration = /conflicting MQTT discovery message|Ignoring empty MQTT discovery payload for disabled/;
    // Only a count of its log messages, including info.
    const ofCount = /is logging too frequently/;
    const logLines = warnings.filter((line) => ours.test(line) && !ofMigration.test(line) && !ofCount.test(line));
    expect(logLines).toEqual([]);
  });
});
