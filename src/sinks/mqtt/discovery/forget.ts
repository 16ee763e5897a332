/** Deletes a meter's retained messages from the broker: `kaifa2mqtt forget`. */
import type { MqttClient } from "mqtt";
import { NODE_PREFIX, PLATFORMS, topics } from "../topics.ts";

/** How long to wait for more retained messages after the last one, milliseconds. */
const QUIET_MS = 1_000;
/** Far more than a meter has; a further call clears what is left. */
export const MAX_TOPICS = 2_000;

/**
 * Clears a meter's states below our base topics, and its discovery messages that refer to them; another bridge's
 * announcements of the same meter aren't touched.
 * @param bases this installation's base topics, present and past
 * @param prefixes its discovery topics, present and past
 * @returns the cleared topics, at most `MAX_TOPICS`
 */
export async function forgetRetained(
  client: MqttClient,
  bases: readonly string[],
  prefixes: readonly string[],
  meter: string,
): Promise<string[]> {
  const isOurs = (topic: string, payload: string): boolean =>
    bases.some((base) => topic.startsWith(`${base}/`)) || bases.some((base) => payload.includes(`"${base}/`));
  const found = await retained(client, [
    ...bases.flatMap((base) => [`${topics.reading(base, meter)}/#`, topics.bridgeMeter(base, meter)]),
    ...prefixes.flatMap((prefix) => [
      ...PLATFORMS.map((platform) => `${prefix}/${platform}/${NODE_PREFIX}${meter}/+/config`),
      topics.deviceDiscovery(prefix, meter),
    ]),
  ]);
  const ours = [...found].filter(([topic, payload]) => isOurs(topic, payload)).map(([topic]) => topic);
  // Discovery first: remove the entities before their values.
  const isDiscovery = (topic: string): boolean => topic.endsWith("/config");
  const order = [...ours.filter(isDiscovery), ...ours.filter((topic) => !isDiscovery(topic))];
  for (const topic of order) await client.publishAsync(topic, "", { qos: 1, retain: true });
  return order;
}

/** The messages retained on these topics, by topic. */
async function retained(client: MqttClient, filters: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let quiet: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    quiet = resolve;
  });
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(quiet, QUIET_MS);
  };
  client.on("message", (topic, payload, { retain }) => {
    if (!retain || payload.length === 0 || found.size >= MAX_TOPICS) return;
    found.set(topic, payload.toString());
    wait();
  });
  await client.subscribeAsync(filters);
  wait();
  await done;
  await client.unsubscribeAsync(filters).catch(() => undefined);
  return found;
}
