/**
 * A subscriber in a separate process, which records when each meter's message arrived. Reconnects automatically.
 *
 *     message-log.mjs BROKER QOS TOPIC…
 *
 * Requests and answers (IPC): see many-meters.ts.
 */
import mqtt from "mqtt";

/** `count`: answer when messages about this many different meters have arrived from now on. */
export type LogRequest = "clear" | "take" | { readonly count: number };

export type LogAnswer =
  | { readonly type: "ready" }
  | { readonly type: "counted"; readonly at: number }
  /** Arrival times per meter (monotonic milliseconds); number of messages and bytes of their payloads. */
  | {
      readonly type: "log";
      readonly seen: readonly [meter: number, at: number][];
      readonly messages: number;
      readonly bytes: number;
    };

const [broker = "", qos = "0", ...topics] = process.argv.slice(2);
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const tell = (answer: LogAnswer): void => void process.send?.(answer);

let seen: [number, number][] = [];
let [messages, bytes, wanted] = [0, 0, 0];
const different = new Set<number>();

const client = mqtt.connect(broker, { reconnectPeriod: 50 });
client.on("message", (topic, payload) => {
  const at = now();
  messages++;
  bytes += payload.length;
  const meter = /[/_]m(\d+)(?:\/|$)/.exec(topic)?.[1];
  if (meter === undefined) return;
  seen.push([Number(meter), at]);
  if (wanted === 0) return;
  different.add(Number(meter));
  if (different.size < wanted) return;
  wanted = 0;
  tell({ type: "counted", at });
});
client.on("connect", () => {
  client.subscribe(topics, { qos: qos === "1" ? 1 : 0 }, () => tell({ type: "ready" }));
});
process.on("message", (request: LogRequest) => {
  if (request === "take") tell({ type: "log", seen, messages, bytes });
  else if (request === "clear") {
    seen = [];
    [messages, bytes] = [0, 0];
  } else {
    different.clear();
    wanted = request.count;
  }
});
process.on("disconnect", () => process.exit());
