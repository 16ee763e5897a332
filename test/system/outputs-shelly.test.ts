/** `outputs.shelly` read by aioshelly (HTTP and WebSocket), like batteries (UDP), and found by zeroconf. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { outputTests } from "../helpers/output-tests.ts";

/** A battery's request (with its own `src`). */
const request = (method: string) => JSON.stringify({ id: 9, src: "hame_cloud", method, params: { id: 0 } });
type Em = Record<string, number | null>;

const { bridge, client } = outputTests();

describe("the Shelly output", () => {
  it("is read by aioshelly over HTTP and WebSocket, with each reading as an update, and disconnected once it is too old", async () => {
    const port = await freePort();
    const meter = await bridge(`  shelly: { listen: "127.0.0.1:${port}" }`);
    const reader = await client("shelly.py", "127.0.0.1", String(port));
    expect(await reader.json()).toMatchObject({ model: "SPEM-003CEBEU", gen: 2, app: "Pro3EM", auth_en: false });
    const { em, energy, ...device } = await reader.json<{ em: Em; energy: Em }>();
    expect(device).toEqual({ model: "SPEM-003CEBEU", name: "Kaifa MA309", gen: 2 });
    expect(em.a_voltage).toBeGreaterThan(200);
    expect(em.c_current).toEqual(expect.any(Number));
    expect(em.a_act_power).toBe(em.total_act_power);
    expect(energy.total_act).toBeGreaterThan(1_000_000);
    expect(await reader.line()).toBe("waiting");
    meter.send();
    const update = await reader.json<Em>();
    expect(update.a_voltage).toBeGreaterThan(200);
    // The limit is three periods, at least 15 s.
    expect(await reader.line()).toBe("disconnected");
    expect((await fetch(`http://127.0.0.1:${port}/rpc/EM.GetStatus?id=0`)).status).toBe(503);
    expect(await reader.json<string>()).toContain("503");
  });

  it("answers batteries on UDP ports 1010 and 2220", async () => {
    // A separate loopback address, where nothing else uses these ports.
    const host = "127.0.13.37";
    await bridge(`  shelly: { listen: "${host}:${await freePort()}", udp: [1010, 2220] }`);
    const battery = createSocket("udp4");
    try {
      for (const port of [1010, 2220]) {
        for (const method of ["EM.GetStatus", "EM1.GetStatus"]) {
          battery.send(request(method), port, host);
          const [message] = await once(battery, "message");
          expect(message.length).toBeGreaterThanOrEqual(250);
          const answer = JSON.parse(String(message));
          expect(answer).toMatchObject({ id: 9, dst: "hame_cloud", src: expect.stringMatching(/^shellypro3em-/) });
          const { total_act_power: total, act_power: single } = answer.result;
          expect(total ?? single).toEqual(expect.any(Number));
        }
      }
    } finally {
      battery.close();
    }
  });

  it("is found by zeroconf if announced, and withdrawn when it stops", async () => {
    const port = await freePort();
    const meter = await bridge(`  shelly: { listen: "0.0.0.0:${port}", mdns: true }`);
    const { id } = (await (await fetch(`http://127.0.0.1:${port}/shelly`)).json()) as { id: string };
    const types = ["_shelly._tcp.local.", "_http._tcp.local."];
    const reader = await client("mdns.py", id, ...types);
    for (const type of types) {
      expect(await reader.json()).toEqual({
        name: `${id}.${type}`,
        port,
        txt: { gen: "2", app: "Pro3EM", ver: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
      });
    }
    await meter.process.stop();
    expect(await reader.json()).toBe("removed");
  });
});
