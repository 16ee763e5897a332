/** Discovery messages of a meter in both forms, as published by the MQTT sink. */
import type { MeterInfo, ReadingValue } from "../../src/meter/events.ts";
import {
  type DiscoveryMessage,
  type DiscoveryOptions,
  deviceMessage,
  entityMessages,
  meterDevice,
} from "../../src/sinks/mqtt/discovery/discovery.ts";
import { type MeterEntityOptions, meterEntities } from "../../src/sinks/mqtt/discovery/meter-entities.ts";

export type Options = Omit<DiscoveryOptions, "instance"> & MeterEntityOptions & { readonly instance?: string };

const deviceOf = (meter: MeterInfo, values: Iterable<ReadingValue>, options: Options) => {
  const all = { instance: "0123456789ab", ...options };
  return { device: meterDevice(meter, meterEntities(meter, values, all), all), all };
};

/** One message for each entity. */
export function discoveryMessages(
  meter: MeterInfo,
  values: Iterable<ReadingValue>,
  options: Options,
): DiscoveryMessage[] {
  const { device, all } = deviceOf(meter, values, options);
  return entityMessages(device, all);
}

/** One message for the device. */
export function deviceDiscovery(meter: MeterInfo, values: Iterable<ReadingValue>, options: Options): DiscoveryMessage {
  const { device, all } = deviceOf(meter, values, options);
  return deviceMessage(device, all);
}
