/**
 * The components of a Shelly Pro 3EM (https://shelly-api-docs.shelly.cloud/gen2/): power in W (export negative), energy in
 * Wh. Values that the meter does not send are `null`.
 */
import type { MeterInfo } from "../../meter/events.ts";
import { deviceId } from "../output/device-id.ts";
import type { MeterFeed } from "../output/meter-feed.ts";
import type { OutputOptions } from "../output/output.ts";
import { netPower, PHASES, phaseCount, phasePowers } from "../output/power.ts";
import type { Json } from "./shelly-json.ts";

const FIRMWARE = "1.4.4";
const FIRMWARE_ID = "20241011-114455/1.4.4-g6d2a586";
const LETTERS = ["a", "b", "c"] as const;
const TARIFFS = [1, 2, 3, 4] as const;

export interface ShellyDataOptions extends OutputOptions {
  /** Whether to report a total of 0 W as 0.1 W. */
  readonly never_zero: boolean;
}

/** `shellypro3em-` and 12 hex digits. */
export function shellyId({ id }: MeterInfo): string {
  return `shellypro3em-${deviceId(id)}`;
}

/** `GET /shelly` and `Shelly.GetDeviceInfo` */
export function deviceInfo(meter: MeterInfo) {
  return {
    name: meter.name,
    id: shellyId(meter),
    mac: deviceId(meter.id).toUpperCase(),
    slot: 0,
    model: "SPEM-003CEBEU",
    gen: 2,
    fw_id: FIRMWARE_ID,
    ver: FIRMWARE,
    app: "Pro3EM",
    auth_en: false,
    auth_domain: null,
    profile: "triphase",
  };
}

/** `EM.GetStatus`; `null` while there is no current total power. */
export function emStatus(feed: MeterFeed, options: ShellyDataOptions): Json {
  const net = netPower(feed);
  if (net === null) return null;
  const known = phasePowers(feed, options.phase_power);
  const perPhase = known.some((power) => power !== null);
  const voltages = PHASES.map((phase) => feed.number(`voltage_${phase}`));
  const currents = PHASES.map((phase) => feed.number(`current_${phase}`));
  const apparents = voltages.map((voltage, index) => product(voltage, currents[index] ?? null));
  const phases = LETTERS.flatMap((letter, index): [string, Json][] => {
    // Clients require a number: if the power of each phase is unknown, the first one gets the total.
    const power = perPhase ? (known[index] ?? 0) : index === 0 ? net : 0;
    const apparent = apparents[index] ?? null;
    return [
      [`${letter}_current`, currents[index] ?? null],
      [`${letter}_voltage`, voltages[index] ?? null],
      [`${letter}_act_power`, power],
      [`${letter}_aprt_power`, apparent],
      [`${letter}_pf`, perPhase ? powerFactor(power, apparent) : null],
      [`${letter}_freq`, feed.number("frequency")],
    ];
  });
  return {
    id: 0,
    ...Object.fromEntries(phases),
    n_current: null,
    total_current: sum(currents),
    total_act_power: total(net, options),
    total_aprt_power: sum(apparents),
  };
}

/** `EM1.GetStatus`: the meter as one channel, for clients that read a single total; `null` while there is none. */
export function em1Status(feed: MeterFeed, options: ShellyDataOptions): Json {
  const net = netPower(feed);
  if (net === null) return null;
  const voltage = feed.number("voltage_l1");
  const current = phaseCount(feed) === 1 ? feed.number("current_l1") : null;
  const apparent = product(voltage, current);
  return {
    id: 0,
    current,
    voltage,
    act_power: total(net, options),
    aprt_power: apparent,
    pf: powerFactor(net, apparent),
    freq: feed.number("frequency"),
  };
}

/**
 * `EMData.GetStatus`. A meter's registers count all phases together, but clients require a number for each: the first phase
 * gets the total, the others 0.
 */
export function emDataStatus(feed: MeterFeed): Json {
  const imported = energy(feed, "import");
  const exported = energy(feed, "export");
  const phases = LETTERS.flatMap((letter, index): [string, number | null][] => [
    [`${letter}_total_act_energy`, index === 0 || imported === null ? imported : 0],
    [`${letter}_total_act_ret_energy`, index === 0 || exported === null ? exported : 0],
  ]);
  return { id: 0, ...Object.fromEntries(phases), total_act: imported, total_act_ret: exported };
}

/** `EM.GetConfig` */
export function emConfig(): Json {
  return {
    id: 0,
    name: null,
    blink_mode_selector: "active_energy",
    phase_selector: "all",
    monitor_phase_sequence: false,
    ct_type: "120A",
  };
}

/** `Sys.GetStatus`; times in seconds. */
export function sysStatus(meter: MeterInfo, wallMs: number, uptimeMs: number): Json {
  return {
    mac: deviceId(meter.id).toUpperCase(),
    restart_required: false,
    time: new Date(wallMs).toISOString().slice(11, 16),
    unixtime: Math.floor(wallMs / 1000),
    uptime: Math.floor(uptimeMs / 1000),
    cfg_rev: 0,
    available_updates: {},
  };
}

/** `Sys.GetConfig` */
export function sysConfig(meter: MeterInfo): Json {
  const { name, mac, fw_id, profile } = deviceInfo(meter);
  return {
    device: { name, mac, fw_id, profile, eco_mode: false, discoverable: true },
    location: { tz: null, lat: null, lon: null },
    ui_data: {},
    cfg_rev: 0,
  };
}

function total(net: number, { never_zero }: ShellyDataOptions): number {
  return never_zero && net === 0 ? 0.1 : net;
}

/** The total, or the sum of the tariffs if the meter sends only those; Wh. */
function energy(feed: MeterFeed, direction: "import" | "export"): number | null {
  const kwh =
    feed.number(`energy_${direction}`) ?? sum(TARIFFS.map((one) => feed.number(`energy_${direction}_t${one}`)));
  return kwh === null ? null : Number((kwh * 1000).toFixed(3));
}

function product(voltage: number | null, current: number | null): number | null {
  return voltage === null || current === null ? null : Number((voltage * current).toFixed(3));
}

/** 0 without load, as a real device gives it: openWB does not read a phase whose factor is `null`. */
function powerFactor(power: number, apparent: number | null): number | null {
  if (apparent === null) return null;
  return apparent === 0 ? 0 : Number(Math.min(1, Math.abs(power) / apparent).toFixed(3));
}

function sum(values: readonly (number | null)[]): number | null {
  const sent = values.filter((value) => value !== null);
  return sent.length === 0 ? null : Number(sent.reduce((all, value) => all + value, 0).toFixed(6));
}
