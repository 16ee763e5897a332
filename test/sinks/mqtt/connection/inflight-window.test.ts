import { afterEach, beforeEach, expect, it } from "vitest";
import { InflightWindow, type Outcome } from "../../../../src/sinks/mqtt/connection/inflight-window.ts";
import type { Message } from "../../../../src/sinks/mqtt/message.ts";

let sent: { message: Message; answered: (outcome: Outcome) => void }[] = [];
let outcomes: string[] = [];
let inflight: InflightWindow;
beforeEach(() => {
  sent = [];
  outcomes = [];
  const never = () => expect.unreachable("nothing is slow here");
  inflight = new InflightWindow({
    send: (message, answered) => void sent.push({ message, answered }),
    onSilence: never,
    onSlow: never,
    slowMs: 60_000,
    limitMs: 60_000,
  });
});
afterEach(() => inflight.clear());

const put = (topic: string, payload: string, urgent = false) =>
  inflight.put({ topic, payload, qos: 1, ...(urgent ? { urgent } : {}) }, (outcome) =>
    outcomes.push(`${topic} ${payload}: ${JSON.stringify(outcome)}`),
  );
const answer = () => sent.at(-1)?.answered("delivered");
const order = () => sent.map(({ message }) => `${message.topic} ${message.payload}`);

it("a reading goes before the discovery messages that wait", () => {
  for (const topic of ["a", "b", "c"]) put(topic, "discovery");
  put("meter", "reading", true);
  for (let i = 0; i < 4; i++) answer();
  expect(order()).toEqual(["a discovery", "meter reading", "b discovery", "c discovery"]);
  expect(outcomes).toHaveLength(4);
});

it("of the messages on one topic only the latest is sent, whether they are urgent or not", () => {
  put("a", "first");
  put("meter", "1");
  put("meter", "2", true);
  put("meter", "3");
  for (let i = 0; i < 3; i++) answer();
  expect(order()).toEqual(["a first", "meter 3"]);
  expect(outcomes).toEqual(['meter 1: "lost"', 'meter 2: "lost"', 'a first: "delivered"', 'meter 3: "delivered"']);
});

it("everything is lost with the connection", () => {
  put("a", "1");
  put("b", "1");
  put("meter", "1", true);
  inflight.clear();
  expect(outcomes).toEqual(['a 1: "lost"', 'meter 1: "lost"', 'b 1: "lost"']);
});
