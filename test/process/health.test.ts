import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askHealth, type Health, HealthServer, socketPaths } from "../../src/process/health.ts";

describe("the health of a running bridge", () => {
  let folder: string;
  let health: Health;
  const servers: { stop: () => Promise<void> }[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "health-"));
    health = { healthy: true, reasons: [] };
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });
  const serve = async (dataDir = folder, checkMs?: number): Promise<{ taken: boolean }> => {
    const server = new HealthServer(dataDir, () => health, checkMs);
    servers.push(server);
    return server.start();
  };

  it("is served over the data folder's socket, always current", async () => {
    expect(await serve()).toEqual({ taken: false });
    expect(await askHealth(folder)).toEqual({ healthy: true, reasons: [] });
    health = { healthy: false, reasons: ["the broker does not answer"] };
    expect(await askHealth(folder)).toEqual(health);
  });

  it("is unknown if no bridge runs, also after one has stopped", async () => {
    expect(await askHealth(folder)).toBeNull();
    await serve();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    expect(await askHealth(folder)).toBeNull();
  });

  it("is served if nothing can be written, and if the path is too long for a socket", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    for (const impossible of [join(file, "below"), join(folder, "x".repeat(150))]) {
      expect(await serve(impossible)).toEqual({ taken: false });
      expect(await askHealth(impossible)).toEqual(health);
    }
  });

  it("of a second bridge with the same data folder is not served: the second detects the first", async () => {
    await serve();
    expect(await serve()).toEqual({ taken: true });
  });

  it("is served despite a stale socket of a killed bridge", async () => {
    const [path = ""] = socketPaths(folder);
    const dead = createServer();
    await new Promise<void>((done) => dead.listen(path, done));
    // As after kill -9: the file remains, but nothing listens.
    await new Promise<void>((done) => dead.close(() => done()));
    writeFileSync(path, "");
    expect(await serve()).toEqual({ taken: false });
    expect(await askHealth(folder)).toEqual(health);
  });

  it.each([
    ["the socket was removed", (dataDir: string) => rmSync(socketPaths(dataDir)[0] ?? "")],
    ["its folder was removed", (dataDir: string) => rmSync(dataDir, { recursive: true })],
    ["its folder was moved", (dataDir: string) => renameSync(dataDir, `${dataDir}.moved`)],
  ])("is answered again after %s", async (_, disturb) => {
    const dataDir = join(folder, "data");
    await serve(dataDir, 20);
    disturb(dataDir);
    await expect.poll(() => askHealth(dataDir), { timeout: 5_000 }).toEqual(health);
    // … and by one that listens on the same path.
    expect(existsSync(socketPaths(dataDir)[0] ?? "")).toBe(true);
  });

  it("leaves the socket to a bridge that has taken over", async () => {
    await serve(folder, 20);
    rmSync(socketPaths(folder)[0] ?? "");
    const other = { healthy: false, reasons: ["another bridge"] };
    const second = new HealthServer(folder, () => other);
    servers.push(second);
    if ((await second.start()).taken) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await askHealth(folder)).toEqual(other);
  });

  it("is served while another client holds an idle connection", async () => {
    await serve();
    const [path = ""] = socketPaths(folder);
    const silent = connect(path);
    try {
      expect(await askHealth(folder)).toEqual(health);
    } finally {
      silent.destroy();
    }
  });
});
