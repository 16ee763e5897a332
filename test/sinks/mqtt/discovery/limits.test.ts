import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { warnOnce } from "../../../../src/process/warn-once.ts";
import { DiscoveryOwnership } from "../../../../src/sinks/mqtt/discovery/discovery-ownership.ts";
import {
  HISTORY_FILE,
  PublicationHistory,
  readHistory,
} from "../../../../src/sinks/mqtt/discovery/publication-history.ts";
import { RetainedCleanup } from "../../../../src/sinks/mqtt/discovery/retained-cleanup.ts";
import { StaleDiscovery } from "../../../../src/sinks/mqtt/discovery/stale-discovery.ts";
import { temporaryFolder } from "../../../helpers/temporary-folder.ts";

let warnings: string[];
const log = {
  error: () => undefined,
  warn: (text: string) => void warnings.push(text),
  info: () => undefined,
  debug: () => undefined,
};
beforeEach(() => {
  warnings = [];
});

describe("the record of what was published", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = temporaryFolder();
  });
  const history = (base = "kaifa2mqtt") => new PublicationHistory({ dataDir, base, prefix: "homeassistant", log });
  const stored = () => JSON.parse(readFileSync(join(dataDir, HISTORY_FILE), "utf8"));

  it("says that it is not read if it is too large or damaged, and nothing if it is missing", () => {
    history();
    expect(warnings).toEqual([]);
    for (const [text, reason] of [
      ["x".repeat(300_000), "more than 262144 bytes"],
      ["{", "JSON"],
    ] as const) {
      writeFileSync(join(dataDir, HISTORY_FILE), text);
      const told: string[] = [];
      expect(readHistory(dataDir, (message) => void told.push(message)).bases).toEqual([]);
      expect(told).toEqual([expect.stringContaining(reason)]);
      expect(told[0]).toContain(HISTORY_FILE);
    }
  });

  it("says once which base topic is forgotten", () => {
    for (let n = 0; n < 16; n++) history(`base${n}`);
    expect(warnings).toEqual([]);
    const last = history("base16");
    expect(warnings).toEqual([expect.stringMatching(/^more than 16 base topics .*: base0 is forgotten/)]);
    last.addBase("earlier");
    last.addBase("earliest");
    expect(warnings).toHaveLength(1);
    expect(stored().bases).toHaveLength(16);
    expect(stored().bases[0]).toBe("base16");
  });

  it("says once that it lists 256 meters", () => {
    const full = history();
    const present = Array.from({ length: 300 }, (_, n) => ({ id: `m${n}`, port: `/dev/${n}` }));
    full.update(present.slice(0, 256));
    expect(warnings).toEqual([]);
    full.update(present);
    full.update([{ id: "another", port: "/dev/x" }]);
    expect(warnings).toEqual([expect.stringContaining("lists the latest 256 meters")]);
    expect(Object.keys(stored().meters)).toHaveLength(256);
  });
});

describe("retained messages", () => {
  const topic = (key: string) => `homeassistant/sensor/kaifa2mqtt_house/${key}/config`;
  const note = (stale: StaleDiscovery, key: string, base: string, instance: string): void => {
    const message = {
      ...{ unique_id: `kaifa2mqtt_house_${key}`, state_topic: `${base}/house/1.7.0` },
      ...{ origin: { name: "kaifa2mqtt" }, availability: [{ topic: `${base}/bridge/state` }] },
      device: { via_device: `kaifa2mqtt_bridge_${instance}` },
    };
    stale.note(topic(key), Buffer.from(JSON.stringify(message)));
  };
  function reading() {
    const ours = { base: "kaifa2mqtt", prefix: "homeassistant", bases: ["kaifa2mqtt"], warnOnce: warnOnce(log) };
    const ownership = new DiscoveryOwnership({ ...ours, instance: "one", log });
    const stale = new StaleDiscovery({ ...ours, prefixes: ["homeassistant"], enabled: true, ownership });
    return { ownership, stale };
  }

  it("of this bridge: says once that there are more than it remembers", () => {
    const { stale } = reading();
    for (let n = 0; n < 5000; n++) {
      note(stale, `key${n}`, "kaifa2mqtt", "one");
      stale.noteState(`kaifa2mqtt/house/${n}`);
      stale.noteOldState(`before/house/${n}`);
    }
    note(stale, "key7", "kaifa2mqtt", "one");
    expect(warnings).toEqual([]);
    for (let n = 5000; n < 5003; n++) {
      note(stale, `key${n}`, "kaifa2mqtt", "one");
      stale.noteState(`kaifa2mqtt/house/${n}`);
      stale.noteOldState(`before/house/${n}`);
    }
    expect(warnings).toEqual([
      expect.stringContaining("more than 5000 discovery messages"),
      expect.stringContaining("more than 5000 values that are no longer published"),
      expect.stringContaining("more than 5000 values under earlier base topics"),
    ]);
    expect(stale.entriesOf("house")).toHaveLength(5000);
  });

  it("that are too large: names the first", () => {
    const { stale } = reading();
    for (const key of ["a", "b"]) stale.note(topic(key), Buffer.alloc(70_000, " "));
    expect(warnings).toEqual([expect.stringMatching(/house\/a\/config has 70000 bytes; more than 65536 are not read/)]);
  });

  it("of other bridges: says once that there are too many messages or base topics", () => {
    const { stale, ownership } = reading();
    for (let n = 0; n < 1002; n++) note(stale, `key${n}`, `other${n % 16}`, "two");
    expect(ownership.otherBases()).toHaveLength(16);
    expect(warnings).toEqual([expect.stringContaining("more than 1000 discovery messages")]);
    const { stale: more, ownership: owners } = reading();
    for (let n = 0; n < 17; n++) note(more, `key${n}`, `other${n}`, "two");
    expect(owners.otherBases()).toHaveLength(16);
    owners.otherBases();
    expect(warnings.slice(1)).toEqual([expect.stringContaining("more than 16 base topics")]);
  });

  /** A cleanup that has subscribed. */
  function cleaning() {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const ours = { base: "kaifa2mqtt", prefix: "homeassistant", enabled: true, instance: "one", log };
    const cleanup = new RetainedCleanup({
      ...ours,
      ...{ meters: new Map(), unusedStates: [], statuses: () => [], ready: () => true },
      history: new PublicationHistory({ dataDir: null, base: "kaifa2mqtt", prefix: "homeassistant", log }),
      announced: () => ({ announced: new Set<string>(), keys: new Set<string>() }),
      ...{ subscribe: () => undefined, unsubscribe: () => undefined, onGone: () => undefined },
      ...{ publish: () => undefined, onRead: () => undefined },
    });
    onTestFinished(() => cleanup.stop());
    cleanup.begin();
    cleanup.subscribed();
    return (meter: string) => cleanup.note(`kaifa2mqtt/${meter}/availability`, Buffer.from("online"));
  }

  it("of more than 5000 meters: says so once", () => {
    const arrives = cleaning();
    // The bridge itself is one of the devices.
    for (let n = 1; n < 5000; n++) arrives(`m${n}`);
    arrives("m1");
    expect(warnings).toEqual([]);
    arrives("another");
    arrives("and another");
    expect(warnings).toEqual([expect.stringContaining("the availability of more than 5000 meters")]);
  });

  it("that arrive for longer than 30 s: says that the rest is not checked", () => {
    const arrives = cleaning();
    for (let ms = 0; ms < 29_900; ms += 100) {
      arrives("house");
      vi.advanceTimersByTime(100);
    }
    expect(warnings).toEqual([]);
    arrives("house");
    vi.advanceTimersByTime(100);
    expect(warnings).toEqual([expect.stringContaining("after 30 s: what comes later is not checked")]);
  });
});
