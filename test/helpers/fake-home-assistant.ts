/** The part of Home Assistant's WebSocket API that backfill uses, with statistics that a test can change. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface FakeRow {
  readonly start: number;
  readonly state: number;
  readonly sum: number;
}
type Message = { id: number; type: string } & Record<string, unknown>;

export class FakeHomeAssistant {
  readonly #server: WebSocketServer;
  readonly token = "eyJ-a-long-lived-token";
  /** By statistic id. */
  readonly rows = new Map<string, FakeRow[]>();
  readonly registry: { entity_id: string; unique_id: string | number; platform: string }[] = [];
  readonly metadata = new Map<string, Record<string, unknown>>();
  /** Messages received after login. */
  readonly messages: Message[] = [];
  costSensors: Record<string, string> = {};
  prefs: unknown = null;
  /** Before 2025.11, imports support neither `mean_type` nor `unit_class`, and require `has_mean`. */
  old = false;
  /** Called instead of answering. @param write writes this share of the message's rows, the first ones */
  onImport: ((socket: WebSocket, write: (share: number) => void) => void) | null = null;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async start(): Promise<FakeHomeAssistant> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/api/websocket" });
    await once(server, "listening");
    return new FakeHomeAssistant(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** An energy entity of ours with statistics. */
  add(entityId: string, uniqueId: string, rows: readonly FakeRow[], unit = "kWh", platform = "mqtt"): void {
    this.registry.push({ entity_id: entityId, unique_id: uniqueId, platform });
    this.rows.set(entityId, [...rows]);
    this.metadata.set(entityId, {
      statistic_id: entityId,
      display_unit_of_measurement: "kWh",
      statistics_unit_of_measurement: unit,
      has_mean: false,
      has_sum: true,
      mean_type: 0,
      name: null,
      source: "recorder",
      unit_class: "energy",
    });
  }

  imports(): Message[] {
    return this.messages.filter(({ type }) => type === "recorder/import_statistics");
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: WebSocket): void {
    const send = (message: unknown): void => socket.send(JSON.stringify(message));
    send({ type: "auth_required", ha_version: "2026.11.0" });
    let isIn = false;
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (!isIn) {
        isIn = message.access_token === this.token;
        send({ type: isIn ? "auth_ok" : "auth_invalid", ha_version: "2026.11.0" });
        return;
      }
      this.messages.push(message);
      if (message.type === "recorder/import_statistics" && this.onImport !== null) {
        const stats = message.stats as unknown[];
        this.onImport(socket, (share) =>
          this.#answer({ ...message, stats: stats.slice(0, Math.ceil(stats.length * share)) }),
        );
        if (socket.readyState === socket.OPEN) send({ id: message.id, type: "result", success: true, result: null });
        return;
      }
      const { id } = message;
      try {
        send({ id, type: "result", success: true, result: this.#answer(message) });
      } catch (error) {
        send({ id, type: "result", success: false, error: { code: (error as Error).message, message: "refused" } });
      }
    });
  }

  #answer(message: Message): unknown {
    switch (message.type) {
      case "config/entity_registry/list":
        return this.registry;
      case "recorder/list_statistic_ids":
        return [...this.metadata.values()];
      case "energy/info":
        return { cost_sensors: this.costSensors };
      case "energy/get_prefs":
        if (this.prefs === null) throw new Error("not_found");
        return this.prefs;
      case "recorder/statistics_during_period": {
        const [id = ""] = message.statistic_ids as string[];
        const [from, to] = [Date.parse(String(message.start_time)), Date.parse(String(message.end_time))];
        const rows = (this.rows.get(id) ?? []).filter(({ start }) => start >= from && start < to);
        return rows.length === 0 ? {} : { [id]: rows.map((row) => ({ ...row, end: row.start + 3_600_000 })) };
      }
      case "recorder/import_statistics": {
        const metadata = message.metadata as Record<string, unknown>;
        if (this.old && ("mean_type" in metadata || !("has_mean" in metadata))) throw new Error("invalid_format");
        const id = String(metadata.statistic_id);
        const own = this.rows.get(id) ?? [];
        for (const { start, state, sum } of message.stats as { start: string; state: number; sum: number }[]) {
          own.push({ start: Date.parse(start), state, sum });
        }
        this.rows.set(
          id,
          own.sort((a, b) => a.start - b.start),
        );
        return null;
      }
      default:
        throw new Error("unknown_command");
    }
  }
}
