/** The requests that backfill sends to Home Assistant: our energy entities, their hourly statistics, importing rows. */
import type { Connection, MessageBase } from "home-assistant-js-websocket";
import { type Access, connect, HomeAssistantError } from "./connect.ts";
import { type EnergyUnit, type NewRow, type StatisticsRow, WATT_HOURS } from "./plan.ts";

const ANSWER_MS = 120_000;
/** Keys in the ledger: `energy_import`, `energy_export_t1`. */
const KEY = /^energy_(?:import|export)(?:_t\d{1,2})?$/;

/** An entity of one of our meters with energy statistics. */
export interface EnergyEntity {
  readonly entityId: string;
  readonly key: string;
  readonly unit: EnergyUnit;
  /** Whether Home Assistant calculates costs from it, or the Energy dashboard has a cost sensor for it. */
  readonly hasCosts: boolean;
  readonly metadata: StatisticsMetadata;
}

/** An entry of `recorder/list_statistic_ids`. `mean_type` came after 2025.1. */
interface StatisticsMetadata {
  readonly statistic_id: string;
  readonly statistics_unit_of_measurement: string | null;
  readonly has_sum: boolean;
  readonly has_mean?: boolean;
  readonly mean_type?: number;
  readonly name: string | null;
  readonly source: string;
  readonly unit_class?: string | null;
}

interface RegistryEntry {
  readonly entity_id: string;
  readonly unique_id: string;
  readonly platform: string;
}

export class HomeAssistant {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @throws HomeAssistantError */
  static async connect(access: Access, signal: AbortSignal): Promise<HomeAssistant> {
    return new HomeAssistant(await connect(access, signal));
  }

  get version(): string {
    return this.#connection.haVersion;
  }

  close(): void {
    this.#connection.close();
  }

  /**
   * The energy entities of a meter: MQTT entities with one of our unique ids, even if renamed.
   * Statistics in other units than Wh, kWh and MWh are left out.
   */
  async entities(meter: string): Promise<EnergyEntity[]> {
    const [registry, statistics, priced] = [
      await this.#ask<RegistryEntry[]>({ type: "config/entity_registry/list" }),
      await this.#ask<StatisticsMetadata[]>({ type: "recorder/list_statistic_ids", statistic_type: "sum" }),
      await this.#entitiesWithCosts(),
    ];
    const start = `kaifa2mqtt_${meter}_`;
    const entities: EnergyEntity[] = [];
    for (const { entity_id: entityId, unique_id: uniqueId, platform } of registry) {
      // Unique ids of other integrations may be numbers.
      const id = String(uniqueId);
      const key = id.slice(start.length);
      if (platform !== "mqtt" || !id.startsWith(start) || !KEY.test(key)) continue;
      const metadata = statistics.find(({ statistic_id }) => statistic_id === entityId);
      const unit = metadata?.statistics_unit_of_measurement;
      if (metadata?.source !== "recorder" || !metadata.has_sum || !isEnergyUnit(unit)) continue;
      entities.push({ entityId, key, unit, hasCosts: priced.has(entityId), metadata });
    }
    return entities.sort((a, b) => (a.entityId < b.entityId ? -1 : 1));
  }

  /** Hourly rows that begin in the span, in the unit of the statistic. */
  async rows(entity: EnergyEntity, from: number, to: number): Promise<StatisticsRow[]> {
    type Row = { start: number; state?: number | null; sum?: number | null };
    const answer = await this.#ask<Record<string, Row[]>>({
      type: "recorder/statistics_during_period",
      start_time: new Date(from).toISOString(),
      end_time: new Date(to).toISOString(),
      statistic_ids: [entity.entityId],
      period: "hour",
      types: ["state", "sum"],
      units: { energy: entity.unit },
    });
    const rows = answer[entity.entityId] ?? [];
    return rows.map(({ start, state = null, sum = null }) => ({ start, state, sum }));
  }

  /** Imports rows, which the recorder writes a little later. Leaves the statistic's metadata unchanged. */
  async write(entity: EnergyEntity, rows: readonly NewRow[]): Promise<void> {
    const { metadata } = entity;
    const common = {
      has_sum: true,
      name: metadata.name,
      source: metadata.source,
      statistic_id: entity.entityId,
      unit_of_measurement: entity.unit,
    };
    const stats = rows.map(({ start, state, sum }) => ({ start: new Date(start).toISOString(), state, sum }));
    const send = (more: Record<string, unknown>): Promise<unknown> =>
      this.#ask({ type: "recorder/import_statistics", metadata: { ...common, ...more }, stats });
    const old = { has_mean: metadata.has_mean ?? false };
    if (metadata.mean_type === undefined) {
      await send(old);
      return;
    }
    try {
      await send({ mean_type: metadata.mean_type, unit_class: metadata.unit_class ?? null });
    } catch (error) {
      // Before 2025.11 Home Assistant accepts neither key here.
      if (!isRefusedFormat(error)) throw error;
      await send(old);
    }
  }

  /** Home Assistant books costs when energy arrives, so hours filled later would have none. */
  async #entitiesWithCosts(): Promise<Set<string>> {
    const entities = new Set<string>();
    // The energy integration may be missing or not set up.
    const info = await this.#askIfKnown<{ cost_sensors?: Record<string, string> }>({ type: "energy/info" });
    for (const entityId of Object.keys(info?.cost_sensors ?? {})) entities.add(entityId);
    collectPriced(await this.#askIfKnown<unknown>({ type: "energy/get_prefs" }), entities);
    return entities;
  }

  async #askIfKnown<Answer>(message: MessageBase): Promise<Answer | null> {
    try {
      return await this.#ask<Answer>(message);
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
      if (code === "unknown_command" || code === "not_found") return null;
      throw error;
    }
  }

  async #ask<Answer>(message: MessageBase): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject({ code: "timeout", message: "no answer" }), ANSWER_MS);
    });
    try {
      return await Promise.race([this.#connection.sendMessagePromise<Answer>(message), late]);
    } catch (error) {
      const { code, message: text } = (typeof error === "object" ? (error ?? {}) : {}) as {
        code?: unknown;
        message?: unknown;
      };
      const why =
        code === "unauthorized"
          ? "the token must belong to an administrator"
          : String(text ?? code ?? "the connection is lost");
      throw new HomeAssistantError("failed", `Home Assistant refuses ${message.type}: ${why}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

function isEnergyUnit(unit: string | null | undefined): unit is EnergyUnit {
  return typeof unit === "string" && Object.hasOwn(WATT_HOURS, unit);
}

function isRefusedFormat(error: unknown): boolean {
  const cause = error instanceof HomeAssistantError ? error.cause : null;
  return (cause as { code?: unknown } | null)?.code === "invalid_format";
}

/** Sources and flows of the Energy dashboard with a price or a cost sensor. Older versions nest them deeper. */
function collectPriced(node: unknown, found: Set<string>): void {
  if (Array.isArray(node)) for (const item of node) collectPriced(item, found);
  else if (typeof node === "object" && node !== null) {
    const fields = node as Record<string, unknown>;
    const isSet = (...names: string[]): boolean => names.some((name) => (fields[name] ?? null) !== null);
    const { stat_energy_from: from, stat_energy_to: to } = fields;
    const isFlow = typeof from === "string" && typeof to !== "string";
    const price = isSet("entity_energy_price", "number_energy_price");
    if (typeof from === "string" && (price || isSet("stat_cost"))) found.add(from);
    const priceBack = isSet("stat_compensation", "entity_energy_price_export", "number_energy_price_export");
    if (typeof to === "string" && (priceBack || (price && !isFlow && typeof from !== "string"))) found.add(to);
    for (const value of Object.values(fields)) collectPriced(value, found);
  }
}
