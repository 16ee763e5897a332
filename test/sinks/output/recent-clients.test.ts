import { describe, expect, it } from "vitest";
import { RecentClients } from "../../../src/sinks/output/recent-clients.ts";

describe("who has asked lately", () => {
  it("is counted once per address, for a minute", () => {
    let now = 0;
    const peers = new RecentClients(() => now);
    peers.asked("10.0.0.1");
    peers.asked("10.0.0.1");
    peers.asked("10.0.0.2");
    expect(peers.count).toBe(2);
    now = 30_000;
    peers.asked("10.0.0.1");
    now = 60_001;
    expect(peers.count).toBe(1);
  });

  it("is bounded however many addresses ask", () => {
    const peers = new RecentClients(() => 0);
    for (let i = 0; i < 10_000; i++) peers.asked(`fe80::${i}`);
    expect(peers.count).toBe(256);
  });
});
