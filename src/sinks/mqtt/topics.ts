/** Every topic, as functions (product.md, "MQTT topics"). */

/** What the bridge and Home Assistant say about being there. */
export const ONLINE = "online";
export const OFFLINE = "offline";

/** Last segment of the topic of the ledger; no OBIS code looks like it. */
export const LEDGER = "ledger";

/** Marks our discovery messages among those of others, with the origin's name. */
export const NODE_PREFIX = "kaifa2mqtt_";

export const topics = {
  bridgeState: (base: string) => `${base}/bridge/state`,
  bridgeInfo: (base: string) => `${base}/bridge/info`,
  /** What the diagnostic entities of one meter show. Below `bridge`, since what stands below a meter is the meter's. */
  bridgeMeter: (base: string, meter: string) => `${base}/bridge/meters/${meter}`,
  availability: (base: string, meter: string) => `${base}/${meter}/availability`,
  /** The whole reading as one JSON object. */
  reading: (base: string, meter: string) => `${base}/${meter}`,
  /** The bare value; `code` is the topic segment of a `ReadingValue`. */
  value: (base: string, meter: string, code: string) => `${base}/${meter}/${code}`,
  /** What the ledger of quarter hours says of a meter. */
  ledger: (base: string, meter: string) => `${base}/${meter}/${LEDGER}`,
  discovery: (prefix: string, meter: string, key: string) => `${prefix}/sensor/${NODE_PREFIX}${meter}/${key}/config`,
  discoveryStart: (prefix: string) => `${prefix}/sensor/${NODE_PREFIX}`,
  /** All discovery messages of this kind, ours and others'. */
  allDiscovery: (prefix: string) => `${prefix}/sensor/+/+/config`,
  legacy: (legacyBase: string, name: "RealEnergyIn_S" | "RealEnergyOut_S") => `${legacyBase}/${name}`,
} as const;

/** Meter and key of one of our discovery topics, `null` for a topic of others. */
export function parseDiscovery(prefix: string, topic: string): { meter: string; key: string } | null {
  const start = topics.discoveryStart(prefix);
  if (!topic.startsWith(start)) return null;
  const [meter, key, config, ...rest] = topic.slice(start.length).split("/");
  if (!meter || !key || config !== "config" || rest.length > 0) return null;
  return { meter, key };
}
