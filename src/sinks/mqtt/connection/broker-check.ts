/**
 * Tests the broker the way `run` would use it, for `doctor`: login, permission to write below the base topic and Home
 * Assistant's discovery topic, and whether it retains messages. Clears whatever it writes.
 */
import { randomBytes } from "node:crypto";
import type { MqttClient } from "mqtt";
import type { HomeAssistantConfig, MqttConfig } from "../../../config/options.ts";
import { NODE_PREFIX } from "../topics.ts";
import { type Broker, withoutLogin } from "./client-options.ts";
import { connectOnce } from "./connect-once.ts";
import { describeConnectionError } from "./connection-errors.ts";
import { publishRefusal } from "./reason-codes.ts";

/** Timeout for a publication to come back, if the broker doesn't report refusals. */
const ECHO_MS = 3000;

/** One step of the check. If an earlier step makes later ones pointless, they are omitted. */
export interface BrokerFinding {
  readonly step: "login" | "base topic" | "discovery topic" | "retained";
  readonly ok: boolean;
  /** The finding, as a sentence without secrets. */
  readonly text: string;
  /** What to do; empty if there is no problem. */
  readonly cure: string;
}

export interface BrokerCheckOptions {
  readonly mqtt: MqttConfig;
  /** One of the servers in `mqtt`, or the Supervisor's. */
  readonly broker: Broker;
  readonly homeassistant: Pick<HomeAssistantConfig, "enabled" | "discovery_topic">;
  readonly signal?: AbortSignal;
}

/** Takes about 15 s at most. Never rejects: errors are reported as findings. */
export async function checkBroker(options: BrokerCheckOptions): Promise<BrokerFinding[]> {
  const label = withoutLogin(options.broker.server);
  let client: MqttClient;
  try {
    client = await connectOnce(options);
  } catch (error) {
    const [text = "", ...cure] = describeConnectionError(error, label).text.replace(". Retrying", "").split(": ");
    return [{ step: "login", ok: false, text: `${text}.`, cure: `${cure.join(": ")}.` }];
  }
  try {
    const findings: BrokerFinding[] = [
      { step: "login", ok: true, text: `The broker at ${label} accepts our login.`, cure: "" },
    ];
    const { base_topic: base } = options.mqtt;
    const places: { step: BrokerFinding["step"]; topic: string }[] = [
      { step: "base topic", topic: `${base}/bridge/check/${randomBytes(6).toString("hex")}` },
    ];
    if (options.homeassistant.enabled) {
      // Home Assistant ignores this topic, because it doesn't end in "config".
      const topic = `${options.homeassistant.discovery_topic}/sensor/${NODE_PREFIX}check/${randomBytes(6).toString("hex")}`;
      places.push({ step: "discovery topic", topic });
    }
    for (const { step, topic } of places) findings.push(await tryWriting(client, step, topic));
    const written = places.find((_, at) => findings[at + 1]?.ok);
    if (written !== undefined) findings.push(await tryRetained(client, written.topic));
    for (const { topic } of places) await publish(client, topic, "").catch(() => undefined);
    return findings;
  } finally {
    await client.endAsync(true).catch(() => undefined);
  }
}

function publish(client: MqttClient, topic: string, payload: string): Promise<unknown> {
  return client.publishAsync(topic, payload, { qos: 1, retain: true });
}

async function tryWriting(client: MqttClient, step: BrokerFinding["step"], topic: string): Promise<BrokerFinding> {
  const payload = randomBytes(8).toString("hex");
  const heard = hear(client, (to, content) => to === topic && content === payload);
  const readable = await client.subscribeAsync(topic).then(
    () => true,
    () => false,
  );
  try {
    await withLimit(publish(client, topic, payload));
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== "number")
      return { step, ok: false, text: `${topic} is not acknowledged.`, cure: "See the broker's log." };
    const { text, cure } = publishRefusal(topic, code);
    return { step, ok: false, text: `The broker refuses ${text.en}.`, cure: `${capital(cure.en)}.` };
  }
  // With MQTT 5 the acknowledgement is proof; with 3.1.1 only the echo is.
  const proven = client.options.protocolVersion === 5;
  if (proven || (await heard)) return { step, ok: true, text: `We may write below ${parent(topic)}.`, cure: "" };
  const cure = `Allow this user to write there (an ACL line such as "topic readwrite ${topic.split("/")[0]}/#").`;
  const why = readable ? "" : " (this user may not subscribe there, so it cannot be checked)";
  return { step, ok: false, text: `What we publish below ${parent(topic)} does not come back${why}.`, cure };
}

async function tryRetained(client: MqttClient, topic: string): Promise<BrokerFinding> {
  const step = "retained";
  await client.unsubscribeAsync(topic).catch(() => undefined);
  const heard = hear(client, (to, content, retained) => to === topic && retained && content !== "");
  await client.subscribeAsync(topic).catch(() => undefined);
  if (await heard) return { step, ok: true, text: "The broker retains what we publish.", cure: "" };
  const cure = "Allow retained messages there; without them values are missing until they are sent again.";
  return { step, ok: false, text: "The broker did not return the retained message.", cure };
}

/** Whether a matching message arrives in time. */
function hear(
  client: MqttClient,
  fits: (topic: string, payload: string, retained: boolean) => boolean,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (found: boolean): void => {
      clearTimeout(timer);
      client.off("message", onMessage);
      resolve(found);
    };
    const onMessage = (topic: string, payload: Buffer, { retain }: { retain: boolean }): void => {
      if (fits(topic, payload.toString(), retain)) end(true);
    };
    const timer = setTimeout(() => end(false), ECHO_MS);
    client.on("message", onMessage);
  });
}

function withLimit<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), ECHO_MS);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

const parent = (topic: string): string => topic.split("/").slice(0, -1).join("/");
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
