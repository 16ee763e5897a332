/** `doctor`'s broker check against a real Mosquitto with access rules. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MqttConfig } from "../../src/config/options.ts";
import { checkBroker } from "../../src/sinks/mqtt/connection/broker-check.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";

const LOGIN = { user: "bridge", password: "hunter2secret" };

describe("the broker check", () => {
  let broker: Mosquitto;
  const check = (version: 4 | 5, password = LOGIN.password) => {
    const mqtt: MqttConfig = {
      enabled: true,
      base_topic: "kaifa2mqtt",
      version,
      keepalive: 60,
      reject_unauthorized: true,
    };
    return checkBroker({
      mqtt,
      broker: { server: `mqtt://127.0.0.1:${broker.port}`, user: LOGIN.user, password },
      homeassistant: { enabled: true, discovery_topic: "homeassistant" },
    });
  };

  beforeEach(async () => {
    broker = await Mosquitto.prepare();
  });
  afterEach(() => broker.close());

  it.each([4, 5] as const)(
    "MQTT version %i: all is well where everything is allowed, and nothing stays behind",
    async (version) => {
      await broker.start(LOGIN);
      const findings = await check(version);
      expect(findings.map(({ step, ok }) => [step, ok])).toEqual([
        ["login", true],
        ["base topic", true],
        ["discovery topic", true],
        ["retained", true],
      ]);
      expect(await broker.retainedTopics(LOGIN)).toEqual([]);
    },
  );

  it.each([4, 5] as const)("MQTT version %i: names the topics where writing is not allowed", async (version) => {
    await broker.start(LOGIN, { acl: ["user bridge", "topic readwrite homeassistant/#", "topic read kaifa2mqtt/#"] });
    const findings = await check(version);
    expect(findings.map(({ step, ok }) => [step, ok])).toEqual([
      ["login", true],
      ["base topic", false],
      ["discovery topic", true],
      ["retained", true],
    ]);
    expect(findings[1]?.text).toContain("kaifa2mqtt/bridge/check");
    expect(findings[1]?.cure).toContain("topic readwrite kaifa2mqtt/#");
  });

  it("says that the login is refused, without the password", async () => {
    await broker.start(LOGIN);
    const findings = await check(4, "wrong-password");
    expect(findings).toEqual([
      {
        step: "login",
        ok: false,
        text: expect.stringContaining("refuses the login"),
        cure: expect.stringContaining("mqtt.password"),
      },
    ]);
    expect(JSON.stringify(findings)).not.toContain("wrong-password");
  });

  it("says that nothing listens", async () => {
    const findings = await check(4);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.cure).toContain("nothing listens there");
  });
});
