import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askForBroker, askForLanguage, type SupervisorError, waitForBroker } from "../../src/config/supervisor.ts";
import { findLanguage } from "../../src/config/supervisor-language.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const TOKEN = "a-token-of-the-supervisor";
const MOSQUITTO = {
  result: "ok",
  data: {
    addon: "core_mosquitto",
    host: "core-mosquitto",
    port: 1883,
    ssl: false,
    username: "addons",
    password: "pa ss",
    protocol: "3.1.1",
  },
};
const NONE = { result: "error", message: "Service not enabled" };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A fake Supervisor; gives the answers in turn and repeats the last one. */
async function supervisor(
  ...answers: { status: number; body: unknown }[]
): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(request);
    response.writeHead(answer?.status ?? 500, { "content-type": "application/json" });
    response.end(typeof answer?.body === "string" ? answer.body : JSON.stringify(answer?.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const failure = (promise: Promise<unknown>): Promise<SupervisorError> =>
  promise.then(
    () => {
      throw new Error("did not fail");
    },
    (error: SupervisorError) => error,
  );

describe("querying the Supervisor for the broker", () => {
  it("reads address, user and password from the answer", async () => {
    const { url, asked } = await supervisor({ status: 200, body: MOSQUITTO });
    expect(await askForBroker(TOKEN, url)).toEqual({
      server: "mqtt://core-mosquitto:1883",
      user: "addons",
      password: "pa ss",
    });
    expect(asked[0]?.url).toBe("/services/mqtt");
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it.each([
    [{ port: "8883", ssl: true }, "mqtts://core-mosquitto:8883"],
    [{ port: 1884 }, "mqtt://core-mosquitto:1884"],
    [{ host: "fd00::2" }, "mqtt://[fd00::2]:1883"],
  ])("understands %j", async (change, server) => {
    const { url } = await supervisor({ status: 200, body: { result: "ok", data: { ...MOSQUITTO.data, ...change } } });
    expect((await askForBroker(TOKEN, url)).server).toBe(server);
  });

  it("omits an empty user and password", async () => {
    const { url } = await supervisor({
      status: 200,
      body: { result: "ok", data: { ...MOSQUITTO.data, username: "", password: null } },
    });
    expect(await askForBroker(TOKEN, url)).toEqual({ server: "mqtt://core-mosquitto:1883" });
  });

  it("says what to do if there is no broker", async () => {
    const { url } = await supervisor({ status: 400, body: NONE });
    const error = await failure(askForBroker(TOKEN, url));
    expect(error.code).toBe("no-broker");
    expect(error.message).toContain("Mosquitto broker");
    expect(error.message).toContain("mqtt.server");
  });

  it.each([
    ["not JSON", 502, "<html>", "unintelligible"],
    ["no data", 200, { result: "ok" }, "unintelligible"],
    ["an invalid port", 200, { result: "ok", data: { host: "x", port: "many" } }, "unintelligible"],
    ["null", 200, "null", "no-broker"],
    ["forbidden", 403, { result: "error" }, "refused"],
    ["an endless answer", 200, "x".repeat(100_000), "unreachable"],
  ])("fails with a code on %s", async (_, status, body, code) => {
    const { url } = await supervisor({ status, body });
    expect((await failure(askForBroker(TOKEN, url))).code).toBe(code);
  });

  it("fails with a code when nothing listens, and never reveals the token", async () => {
    const { url } = await supervisor();
    for (const close of closers.splice(0)) close();
    const error = await failure(askForBroker(TOKEN, url));
    expect(error.code).toBe("unreachable");
    expect(JSON.stringify([error.message, String(error.cause)])).not.toContain(TOKEN);
  });

  it("polls until there is one", async () => {
    const { url, asked } = await supervisor(
      { status: 400, body: NONE },
      { status: 400, body: NONE },
      { status: 200, body: MOSQUITTO },
    );
    const troubles: string[] = [];
    const broker = await waitForBroker(TOKEN, new AbortController().signal, (error) => troubles.push(error.code), {
      url,
      firstPauseMs: 1,
    });
    expect(broker?.server).toBe("mqtt://core-mosquitto:1883");
    expect(troubles).toEqual(["no-broker", "no-broker"]);
    expect(asked).toHaveLength(3);
  });

  it("stops at once with the bridge", async () => {
    const { url } = await supervisor({ status: 400, body: NONE });
    const stop = new AbortController();
    const waiting = waitForBroker(TOKEN, stop.signal, () => stop.abort(), { url, firstPauseMs: 3_600_000 });
    expect(await waiting).toBeNull();
  });
});

describe("querying the Supervisor for Home Assistant's language", () => {
  const settings = (language: unknown) => ({ status: 200, body: { language, time_zone: "Europe/Vienna" } });

  it("uses its proxy to Home Assistant's REST API, with the app's token", async () => {
    const { url, asked } = await supervisor(settings("de"));
    expect(await askForLanguage(TOKEN, url)).toBe("de");
    expect(asked[0]?.url).toBe("/core/api/config");
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it.each([
    ["de", "de"],
    ["de-CH", "de"],
    ["en", "en"],
    ["en-GB", "en"],
    ["fr", "en"],
    ["den", "en"],
  ])("takes %s for %s", async (tag, language) => {
    const { url } = await supervisor(settings(tag));
    expect(await findLanguage(TOKEN, temporaryFolder("kaifa-language-"), url)).toEqual({
      language,
      from: "home-assistant",
    });
  });

  it.each([
    ["a Home Assistant that is still starting", { status: 502, body: "Bad Gateway" }],
    ["an app without permission", { status: 401, body: {} }],
    ["settings without language", settings(undefined)],
    ["a language that is not a text", settings(7)],
    ["invalid JSON", { status: 200, body: "<html>" }],
    ["null", { status: 200, body: "null" }],
    ["an endless answer", { status: 200, body: "x".repeat(100_000) }],
  ])("names entities in English after %s", async (_, answer) => {
    const { url } = await supervisor(answer);
    expect(await findLanguage(TOKEN, temporaryFolder("kaifa-language-"), url)).toEqual({
      language: "en",
      from: "none",
    });
  });

  it("uses the last answer while Home Assistant does not respond, until there is a new one", async () => {
    const folder = temporaryFolder("kaifa-language-");
    const { url } = await supervisor(settings("de-AT"), { status: 502, body: "" }, settings("en"), {
      status: 502,
      body: "",
    });
    expect(await findLanguage(TOKEN, folder, url)).toEqual({ language: "de", from: "home-assistant" });
    expect(await findLanguage(TOKEN, folder, url)).toEqual({ language: "de", from: "memory" });
    expect(await findLanguage(TOKEN, folder, url)).toEqual({ language: "en", from: "home-assistant" });
    expect(await findLanguage(TOKEN, folder, url)).toEqual({ language: "en", from: "memory" });
  });
});
