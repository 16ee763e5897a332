/** What a retained `bridge/info` says about the bridge that published it. */
import { isObject, parseObject } from "./retained-discovery.ts";

export interface RetainedInfo {
  readonly instance: string;
  /** Meters and the ports where they are read, `""` if unknown. */
  readonly meters: ReadonlyMap<string, string>;
}

/** @returns `null` if it isn't a valid `bridge/info` */
export function parseRetainedInfo(payload: Buffer): RetainedInfo | null {
  const message = parseObject(payload);
  if (message === null || typeof message.instance !== "string") return null;
  const meters = new Map<string, string>();
  for (const meter of Array.isArray(message.meters) ? message.meters : []) {
    if (!isObject(meter) || typeof meter.id !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(meter.id)) continue;
    meters.set(meter.id, typeof meter.port === "string" ? meter.port : "");
  }
  return { instance: message.instance, meters };
}
