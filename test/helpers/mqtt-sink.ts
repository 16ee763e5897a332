/** An MQTT sink connected to a broker in the test process, with configurable settings. */
import type { HomeAssistantConfig, MqttConfig } from "../../src/config/options.ts";
import type { MeterStatus } from "../../src/meter/events.ts";
import { MqttSink, type MqttSinkOptions } from "../../src/sinks/mqtt/mqtt-sink.ts";

export interface SinkOptions extends Partial<Omit<MqttSinkOptions, "mqtt" | "homeassistant" | "bridge">> {
  readonly homeassistant?: Partial<HomeAssistantConfig>;
  /** `mqtt.base_topic` */
  readonly base?: string | undefined;
  /** Called whenever the sink needs it. */
  readonly meters: () => readonly MeterStatus[];
}

/** Not started yet. */
export function sinkAt(url: string, { homeassistant, meters, base = "kaifa2mqtt", ...rest }: SinkOptions): MqttSink {
  const mqtt: MqttConfig = {
    enabled: true,
    server: [url],
    base_topic: base,
    // aedes supports no other version.
    version: 4,
    keepalive: 60,
    reject_unauthorized: true,
  };
  return new MqttSink({
    mqtt,
    homeassistant: {
      enabled: true,
      discovery_topic: "homeassistant",
      status_topic: "homeassistant/status",
      language: "en",
      discovery: "entity",
      backfill: false,
      ...homeassistant,
    },
    publishIntervalMs: 0,
    instance: "0123456789ab",
    bridge: { version: "1.2.3", startedAt: 1_632_728_000_000, meters },
    log: { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined },
    ...rest,
  });
}
