/**
 * `/metrics` for Prometheus, by its conventions: base units (joules, not kilowatt hours), `_total` for counters, labels
 * for what would otherwise be separate metrics. Values are collected on request only.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { MeterStatus, ReadingValue } from "../meter/events.ts";
import type { OutputStatus } from "../sinks/output/output.ts";
import type { BridgeView } from "./bridge-view.ts";

const JOULES_PER_KWH = 3_600_000;

/** Unit as published → metric, factor to its base unit. */
const MEASURED: Readonly<Record<string, { name: string; help: string; factor: number; counter: boolean }>> = {
  kWh: {
    name: "energy_joules_total",
    help: "Active energy, counter of the meter.",
    factor: JOULES_PER_KWH,
    counter: true,
  },
  kvarh: {
    name: "reactive_energy_var_seconds_total",
    help: "Reactive energy, counter of the meter.",
    factor: JOULES_PER_KWH,
    counter: true,
  },
  W: { name: "power_watts", help: "Active power.", factor: 1, counter: false },
  var: { name: "reactive_power_vars", help: "Reactive power.", factor: 1, counter: false },
  V: { name: "voltage_volts", help: "Voltage.", factor: 1, counter: false },
  A: { name: "current_amperes", help: "Current.", factor: 1, counter: false },
  Hz: { name: "frequency_hertz", help: "Mains frequency.", factor: 1, counter: false },
};

/** `energy_import_t1` → direction import, tariff 1; `voltage_l2` → phase l2. */
function labelsOf(value: ReadingValue): { direction: string; phase: string; tariff: string } {
  const [, direction = ""] = /_(import|export|net)(?:_|$)/.exec(value.key) ?? [];
  const [, phase = ""] = /_(l[123])$/.exec(value.key) ?? [];
  const [, tariff = ""] = /_t(\d+)$/.exec(value.key) ?? [];
  return { direction, phase, tariff };
}

/** The newest values of one meter. */
export interface CurrentValues {
  readonly meter: string;
  readonly values: readonly ReadingValue[];
}

/** The text of `/metrics`. */
export async function metricsText(view: BridgeView, current: Iterable<CurrentValues>): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `kaifa2mqtt_${name}`, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `kaifa2mqtt_${name}`, help, labelNames, registers });

  gauge("build_info", "Version of the program.", ["version"]).set({ version: view.version }, 1);
  gauge("start_time_seconds", "Start of the program, seconds since 1970.").set(view.startedAt / 1000);
  gauge("healthy", "1 if telegrams come and the broker is connected.").set(view.health().healthy ? 1 : 0);
  addMeters(view.meters(), gauge, counter);
  const broker = view.broker();
  if (broker !== null) {
    gauge("mqtt_connected", "1 if the broker is connected.").set(broker.connected ? 1 : 0);
    counter("mqtt_messages_published_total", "Messages sent to the broker.").inc(broker.published);
  }
  addOutputs(view.outputs?.() ?? [], gauge);
  addValues(current, gauge, counter);
  const { user, system } = process.cpuUsage();
  new Counter({ name: "process_cpu_seconds_total", help: "Processor time used.", registers }).inc(
    (user + system) / 1e6,
  );
  new Gauge({ name: "process_resident_memory_bytes", help: "Resident memory.", registers }).set(
    process.memoryUsage.rss(),
  );
  return registry.metrics();
}

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type MakeGauge = (name: string, help: string, labelNames?: string[]) => Gauge;
type MakeCounter = (name: string, help: string, labelNames?: string[]) => Counter;

function addMeters(meters: readonly MeterStatus[], gauge: MakeGauge, counter: MakeCounter): void {
  const labels = ["meter", "port"];
  const online = gauge("meter_online", "1 while accepted telegrams come.", labels);
  const connected = gauge("meter_connected", "1 while the port is open.", labels);
  const last = gauge("meter_last_telegram_timestamp_seconds", "When the last accepted telegram came.", labels);
  const period = gauge("meter_period_seconds", "Observed time between telegrams.", labels);
  const bytes = counter("meter_received_bytes_total", "Bytes received.", labels);
  const skipped = counter("meter_skipped_bytes_total", "Bytes that belong to no telegram.", labels);
  const accepted = counter("meter_telegrams_accepted_total", "Telegrams accepted.", labels);
  const rejected = counter("meter_telegrams_rejected_total", "Telegrams dropped, by reason.", [...labels, "reason"]);
  const opened = counter("meter_connections_total", "How often the port was opened.", labels);
  const state = gauge("meter_status", "1 for the present diagnosis.", [...labels, "status"]);
  for (const status of meters) {
    const own = { meter: status.info?.id ?? "", port: status.label };
    online.set(own, status.online ? 1 : 0);
    connected.set(own, status.connected ? 1 : 0);
    if (status.lastTelegramAt !== null) last.set(own, status.lastTelegramAt / 1000);
    if (status.periodMs !== null) period.set(own, status.periodMs / 1000);
    bytes.inc(own, status.counters.bytes);
    skipped.inc(own, status.counters.skippedBytes);
    accepted.inc(own, status.counters.accepted);
    opened.inc(own, status.counters.connections);
    for (const [reason, count] of Object.entries(status.counters.rejectedBy)) rejected.inc({ ...own, reason }, count);
    state.set({ ...own, status: status.diagnosis.code }, 1);
  }
}

function addOutputs(outputs: readonly OutputStatus[], gauge: MakeGauge): void {
  if (outputs.length === 0) return;
  const labels = ["output", "meter", "address"];
  const listening = gauge("output_listening", "1 while the output's port is open.", labels);
  const clients = gauge("output_clients", "Clients of the output.", labels);
  const fresh = gauge("output_fresh", "1 while the output serves values of the moment.", labels);
  const age = gauge("output_age_seconds", "Age of the reading that the output serves.", labels);
  for (const status of outputs) {
    const own = { output: status.output, meter: status.meter ?? "", address: status.address };
    listening.set(own, status.listening ? 1 : 0);
    clients.set(own, status.clients);
    fresh.set(own, status.fresh ? 1 : 0);
    if (status.ageMs !== null) age.set(own, status.ageMs / 1000);
  }
}

function addValues(current: Iterable<CurrentValues>, gauge: MakeGauge, counter: MakeCounter): void {
  const labels = ["meter", "direction", "phase", "tariff"];
  const made = new Map<string, Gauge | Counter>();
  for (const { meter, values } of current) {
    for (const value of values) {
      const measured = MEASURED[value.unit ?? ""];
      if (!value.numeric || value.quantity === null || measured === undefined || value.key.startsWith("obis_"))
        continue;
      const metric =
        made.get(measured.name) ?? (measured.counter ? counter : gauge)(measured.name, measured.help, labels);
      made.set(measured.name, metric);
      // Rounded to a double's significant digits: 0.1 kWh is 360000 J, not 360000.00000000006.
      const base = Number((Number(value.text) * measured.factor).toPrecision(15));
      metric.inc({ meter, ...labelsOf(value) }, base);
    }
  }
}
