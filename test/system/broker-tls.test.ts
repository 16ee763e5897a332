/** TLS and WebSocket to the broker: test certificates (openssl), a real broker (aedes) behind real sockets. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWebSocketStream, WebSocketServer } from "ws";
import type { MqttConfig } from "../../src/config/options.ts";
import { MqttSink } from "../../src/sinks/mqtt/mqtt-sink.ts";
import { readingOf } from "../helpers/readings.ts";

describe("the connection to a broker", () => {
  const folder = mkdtempSync(join(tmpdir(), "kaifa-tls-"));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  let aedes: Aedes;
  let logLines: string[];
  const servers: Server[] = [];
  const sinks: MqttSink[] = [];

  beforeAll(() => {
    const request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"];
    openssl(...request, "-x509", "-days", "2", "-subj", "/CN=our authority", "-keyout", "ca.key", "-out", "ca.pem");
    for (const name of ["server", "client"]) {
      openssl(
        ...[...request, "-x509", "-days", "2", "-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost"],
        ...["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", `${name}.key`, "-out", `${name}.pem`],
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    aedes = await Aedes.createBroker();
    logLines = [];
  });
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
    await new Promise<void>((done) => aedes.close(() => done()));
    await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  });

  const listen = async (server: Server): Promise<number> => {
    servers.push(server.listen(0, "127.0.0.1"));
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const tlsBroker = (wantsCertificate = false): Promise<number> => {
    const [key, cert, ca] = ["server.key", "server.pem", "ca.pem"].map((name) => readFileSync(path(name)));
    const server = createTlsServer({
      key,
      cert,
      ca,
      requestCert: wantsCertificate,
      rejectUnauthorized: wantsCertificate,
    });
    server.on("secureConnection", (socket) => aedes.handle(socket));
    server.on("tlsClientError", () => undefined);
    return listen(server);
  };
  const publishes = (): Promise<string> =>
    new Promise((done) => {
      aedes.on("publish", ({ topic, payload }) => topic.endsWith("/1.8.0") && done(payload.toString()));
    });
  const start = async (mqtt: Partial<MqttConfig>): Promise<void> => {
    const log = (message: string): void => void logLines.push(message);
    const sink = new MqttSink({
      mqtt: { enabled: true, base_topic: "tls", version: 4, keepalive: 60, reject_unauthorized: true, ...mqtt },
      homeassistant: {
        enabled: false,
        discovery_topic: "h",
        status_topic: "h/status",
        language: "en",
        discovery: "entity",
        backfill: false,
      },
      publishIntervalMs: 0,
      instance: "0123456789ab",
      bridge: { version: "1", startedAt: 0, meters: () => [] },
      log: { error: log, warn: log, info: log, debug: () => undefined },
    });
    sinks.push(sink);
    await sink.start();
    sink.accept({ type: "reading", reading: readingOf() });
  };
  const says = (what: RegExp) => expect.poll(() => logLines.join("\n"), { timeout: 10_000 }).toMatch(what);

  it("over TLS is refused by us if the certificate is untrusted, with what to do about it", async () => {
    await start({ server: [`mqtts://localhost:${await tlsBroker()}`] });
    await says(/untrusted certificate .* mqtt\.ca/);
  });

  it("over TLS is established with the authority's certificate", async () => {
    const published = publishes();
    await start({ server: [`mqtts://localhost:${await tlsBroker()}`], ca: path("ca.pem") });
    expect(await published).toBe("12.937");
  });

  it("over TLS is refused by us if the certificate is for another host", async () => {
    await start({ server: [`mqtts://127.0.0.1:${await tlsBroker()}`], ca: path("ca.pem") });
    await says(/untrusted certificate/);
  });

  it("over TLS is established unverified only if configured", async () => {
    const published = publishes();
    await start({ server: [`mqtts://localhost:${await tlsBroker()}`], reject_unauthorized: false });
    expect(await published).toBe("12.937");
  });

  it("presents our certificate to a broker that requires one", async () => {
    const published = publishes();
    const server = `mqtts://localhost:${await tlsBroker(true)}`;
    await start({ server: [server], ca: path("ca.pem"), cert: path("client.pem"), key: path("client.key") });
    expect(await published).toBe("12.937");
  });

  it("without TLS to a port with TLS fails with a hint", async () => {
    await start({ server: [`mqtt://localhost:${await tlsBroker()}`] });
    await says(/connection was lost|mqtts:\/\//);
  });

  it("works over WebSocket, too", async () => {
    const published = publishes();
    const http = createHttpServer();
    new WebSocketServer({ server: http, handleProtocols: () => "mqtt" }).on("connection", (socket, request) => {
      const stream = createWebSocketStream(socket);
      stream.on("error", () => undefined);
      aedes.handle(stream, request);
    });
    await start({ server: [`ws://127.0.0.1:${await listen(http)}/mqtt`] });
    expect(await published).toBe("12.937");
  });
});
