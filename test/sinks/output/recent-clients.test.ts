import { describe, expect, it } from "vitest";
import { RecentClients } from "../../../src/sinks/output/recent-clients.ts";

describe("clients of the last minute", () => {
  it("are counted once per address, for a minute", () => {
    let now = 0;
    const clients = new RecentClients(() => now);
    clients.seen("10.0.0.1");
    clients.seen("10.0.0.1");
    clients.seen("10.0.0.2");
    expect(clients.count).toBe(2);
    now = 30_000;
    clients.seen("10.0.0.1");
    now = 60_001;
    expect(clients.count).toBe(1);
  });

  it("are bounded however many addresses there are", () => {
    const clients = new RecentClients(() => 0);
    for (let i = 0; i < 10_000; i++) clients.seen(`fe80::${i}`);
    expect(clients.count).toBe(256);
  });
});
