/** The built program reaches a broker in each way that an address can name: its bundle loads each transport separately. */
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";

const SCHEMES = ["mqtt", "mqtts", "ws", "wss"] as const;
const ports = new Map<string, number>();
let program: BuiltProgram;
let broker: Mosquitto;
let bridge: BridgeProcess;

beforeAll(async () => {
  program = await buildProgram();
  bridge = new BridgeProcess(program.main);
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => join(bridge.folder, name)) as [string, string];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch", "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
    ],
    { stdio: "pipe" },
  );
  chmodSync(key, 0o644);
  broker = await Mosquitto.prepare();
  ports.set("mqtt", broker.port);
  for (const scheme of SCHEMES.slice(1)) ports.set(scheme, await freePort());
  const listener = (scheme: string, ...more: string[]): string[] => [
    `listener ${ports.get(scheme)} 127.0.0.1`,
    ...more,
  ];
  const tls = [`certfile ${cert}`, `keyfile ${key}`];
  await broker.start(undefined, {
    more: [
      ...listener("mqtts", ...tls),
      ...listener("ws", "protocol websockets"),
      ...listener("wss", "protocol websockets", ...tls),
    ],
  });
});
afterAll(async () => {
  await bridge.close();
  await broker.close();
  program.remove();
});

it.each(SCHEMES)("%s://", async (scheme) => {
  bridge.start(
    [
      'meter: { port: "simulator:" }',
      `mqtt: { server: "${scheme}://localhost:${ports.get(scheme)}", ca: "${join(bridge.folder, "cert.pem")}" }`,
    ].join("\n"),
  );
  await bridge.says(new RegExp(`connected to the broker at ${scheme}://localhost`));
  expect(bridge.output).not.toContain("cannot reach");
  await bridge.stop();
});
