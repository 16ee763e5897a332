/** Every topic, as functions (product.md, "MQTT topics"). */

/** Payloads for availability, of the bridge, of meters and of Home Assistant. */
export const ONLINE = "online";
export const OFFLINE = "offline";

/** Last segment of the topic of the ledger; no OBIS code looks like it. */
export const LEDGER = "ledger";

/** Marks our discovery messages among those of others, with the origin's name. */
export const NODE_PREFIX = "kaifa2mqtt_";

/** Kinds of entities that we announce, as Home Assistant names them in discovery topics. */
export const PLATFORMS = ["sensor", "binary_sensor", "button", "event"] as const;
export type Platform = (typeof PLATFORMS)[number];

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
  /** State of the ledger of quarter hours. */
  ledger: (base: string, meter: string) => `${base}/${meter}/${LEDGER}`,
  /** Discovery of one entity. `device` is a meter's id, or that of the bridge (`bridgeDevice`). */
  discovery: (prefix: string, platform: Platform, device: string, key: string) =>
    `${prefix}/${platform}/${NODE_PREFIX}${device}/${key}/config`,
  /** Discovery of a device with all its entities. */
  deviceDiscovery: (prefix: string, device: string) => `${prefix}/device/${NODE_PREFIX}${device}/config`,
  /** All discovery messages of one device in either form. */
  deviceMessages: (prefix: string, device: string) => [
    `${prefix}/+/${NODE_PREFIX}${device}/+/config`,
    `${prefix}/device/${NODE_PREFIX}${device}/config`,
  ],
  /** Availability of all meters. */
  allAvailability: (base: string) => `${base}/+/availability`,
  /** Everything below any meter, its own topic included. */
  allMeters: (base: string) => [`${base}/+`, `${base}/+/+`],
  /** Commands for a meter; `+` for any. */
  command: (base: string, meter: string, command: string) => `${base}/bridge/command/${meter}/${command}`,
  /** Events of a meter; not retained. */
  event: (base: string, meter: string) => `${base}/bridge/events/${meter}`,
  /** Tells another bridge that both announce the same meter; not retained. */
  rival: (base: string, meter: string) => `${base}/bridge/rival/${meter}`,
  /** The same from any bridge whose base topic has up to three levels. */
  rivals: () => ["+", "+/+", "+/+/+"].map((base) => `${base}/bridge/rival/+`),
  legacy: (legacyBase: string, name: "RealEnergyIn_S" | "RealEnergyOut_S") => `${legacyBase}/${name}`,
} as const;

/** Takes the place of a meter's id in unique ids and discovery topics of the bridge itself. */
export const bridgeDevice = (instance: string): string => `bridge_${instance}`;

/** The entity or device of one of our discovery topics: `key` and `platform` are `null` for that of a whole device. */
export interface DiscoveryAddress {
  /** Id of the meter, or of the bridge. */
  readonly device: string;
  readonly key: string | null;
  readonly platform: Platform | null;
}

/** The entity or device of one of our discovery topics, `null` for a topic of others. */
export function parseDiscovery(prefix: string, topic: string): DiscoveryAddress | null {
  if (!topic.startsWith(`${prefix}/`)) return null;
  const [kind, node = "", ...rest] = topic.slice(prefix.length + 1).split("/");
  if (!node.startsWith(NODE_PREFIX) || node.length === NODE_PREFIX.length) return null;
  const device = node.slice(NODE_PREFIX.length);
  if (kind === "device") return rest.join("/") === "config" ? { device, key: null, platform: null } : null;
  const platform = PLATFORMS.find((name) => name === kind);
  const [key, config, ...more] = rest;
  if (platform === undefined || !key || config !== "config" || more.length > 0) return null;
  return { device, key, platform };
}
