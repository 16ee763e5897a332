/** Every topic, as functions (product.md, "MQTT topics"). */

/** Availability payloads of the bridge, the meters and Home Assistant. */
export const ONLINE = "online";
export const OFFLINE = "offline";

/** Last segment of the ledger topic; no OBIS code looks like it. */
export const LEDGER = "ledger";

/** Together with the origin's name, distinguishes our discovery messages from others'. */
export const NODE_PREFIX = "kaifa2mqtt_";

/** Entity types that we announce, as Home Assistant names them in discovery topics. */
export const PLATFORMS = ["sensor", "binary_sensor", "button", "event"] as const;
export type Platform = (typeof PLATFORMS)[number];

export const topics = {
  bridgeState: (base: string) => `${base}/bridge/state`,
  bridgeInfo: (base: string) => `${base}/bridge/info`,
  /**
   * Data of one meter's diagnostic entities. It is below `bridge` because everything below a meter is data from the
   * meter.
   */
  bridgeMeter: (base: string, meter: string) => `${base}/bridge/meters/${meter}`,
  availability: (base: string, meter: string) => `${base}/${meter}/availability`,
  /** The whole reading as one JSON object. */
  reading: (base: string, meter: string) => `${base}/${meter}`,
  /** The plain value; `code` is the topic segment of a `ReadingValue`. */
  value: (base: string, meter: string, code: string) => `${base}/${meter}/${code}`,
  /** State of the quarter-hour ledger. */
  ledger: (base: string, meter: string) => `${base}/${meter}/${LEDGER}`,
  /** Discovery of one entity. `device` is the id of the meter, or of the bridge (`bridgeDevice`). */
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
  /** Everything below any meter, including its own topic. */
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

/** Used instead of a meter's id in the bridge's own unique ids and discovery topics. */
export const bridgeDevice = (instance: string): string => `bridge_${instance}`;

/** The entity or device of one of our discovery topics; `key` and `platform` are `null` for a whole device. */
export interface DiscoveryAddress {
  /** Id of the meter or bridge. */
  readonly device: string;
  readonly key: string | null;
  readonly platform: Platform | null;
}

/** Parses one of our discovery topics; `null` for a topic that isn't ours. */
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
