import { describe, expect, it } from "vitest";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { diagnose, formatSystemTitle, type Observations } from "../../src/diagnosis/diagnosis.ts";
import type { DiagnosisCode } from "../../src/diagnosis/diagnosis-code.ts";
import { DIAGNOSIS_TEXTS } from "../../src/diagnosis/diagnosis-texts.ts";
import { idleFramesIn } from "../../src/diagnosis/idle-frames.ts";
import { Observer } from "../../src/diagnosis/observer.ts";

const LINE = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 } as const;
const TITLE = "4B464D6750000009";

function observed(change: Partial<Observations>): Observations {
  return {
    label: "/dev/ttyUSB0",
    kind: "serial",
    source: "open",
    line: LINE,
    listeningMs: 20_000,
    sinceAcceptedMs: null,
    limitMs: 30_000,
    bytes: 0,
    zeroBytes: 0,
    oddBytes: 0,
    distinctBytes: 0,
    faults: {},
    implausible: null,
    sameChecksumFaults: 0,
    link: "none",
    systemTitle: null,
    ...change,
  };
}

const noise = { bytes: 200, zeroBytes: 1, oddBytes: 101, distinctBytes: 90 };

describe("diagnose", () => {
  const cases: [string, Partial<Observations>, DiagnosisCode][] = [
    ["before the first attempt", { source: "opening" }, "starting"],
    ["a missing device", { source: "no-device" }, "no-device"],
    ["a device without permission", { source: "permission" }, "permission"],
    ["a device in use", { source: "busy" }, "busy"],
    ["a directory", { source: "not-a-serial-device" }, "not-a-serial-device"],
    ["an unplugged adapter", { source: "lost" }, "no-device"],
    ["a server that refuses the connection", { source: "refused", kind: "tcp" }, "unreachable"],
    ["a lost connection to a server", { source: "lost", kind: "tcp" }, "unreachable"],
    ["a silent line, just opened", { listeningMs: 2_000 }, "starting"],
    ["a silent line", {}, "silence"],
    ["a line that fell silent", { sinceAcceptedMs: 40_000 }, "silence"],
    ["noise", noise, "noise"],
    ["only zero bytes", { bytes: 90, zeroBytes: 90, distinctBytes: 1 }, "noise"],
    [
      "only bytes with an odd number of ones, at 8N1",
      { ...noise, oddBytes: 200, line: { ...LINE, parity: "none" } },
      "wrong-parity",
    ],
    ["the same from a serial server", { ...noise, oddBytes: 200, line: null, kind: "tcp" }, "noise"],
    ["the same on a line with even parity", { ...noise, oddBytes: 200 }, "noise"],
    ["wrong checksums", { ...noise, faults: { checksum: 3, framing: 1 } }, "checksum"],
    ["missing segments", { ...noise, faults: { segmentation: 2 } }, "checksum"],
    ["idle frames only", { bytes: 50, distinctBytes: 5, link: "idle" }, "no-content"],
    ["an AMIS meter", { bytes: 10, distinctBytes: 5, link: "amis" }, "no-content"],
    ["no key", { ...noise, listeningMs: 2_000, faults: { "key-missing": 1, framing: 2 } }, "key-missing"],
    ["a wrong key", { ...noise, faults: { "key-wrong": 4 } }, "key-wrong"],
    ["a wrong authentication key", { ...noise, faults: { authentication: 2 } }, "authentication"],
    ["an unknown layout", { ...noise, faults: { unsupported: 2 } }, "unsupported"],
    ["implausible values", { ...noise, faults: { implausible: 2 }, implausible: "power too high" }, "implausible"],
    ["a recent telegram, whatever else arrived", { ...noise, sinceAcceptedMs: 4_000, faults: { checksum: 2 } }, "ok"],
    ["an adapter unplugged right after a telegram", { source: "lost", sinceAcceptedMs: 1_000 }, "no-device"],
  ];
  it.each(cases)("recognises %s", (_, change, code) => {
    expect(diagnose(observed(change)).code).toBe(code);
  });

  it("distinguishes telegrams without a tag, replays and downgrades from other refusals, with their own remedies", () => {
    const diagnosisOf = (change: Partial<Observations>) => diagnose(observed({ ...noise, ...change }));
    const untagged = diagnosisOf({ faults: { authentication: 2 }, untagged: true });
    expect(untagged).toMatchObject({
      code: "authentication",
      text: { en: expect.stringContaining("no authentication tag") },
    });
    expect(untagged.cure.en).toContain("remove authentication_key");
    for (const [implausibleCheck, words] of [
      ["counter", "invocation counter does not grow"],
      ["encryption", "seen encrypted"],
    ] as const) {
      const refused = diagnosisOf({ faults: { implausible: 2 }, implausibleCheck });
      expect(refused).toMatchObject({ code: "implausible", text: { en: expect.stringContaining(words) } });
      expect(refused.cure.en).toContain("state.json");
    }
  });

  it("names the meter whose key is wrong", () => {
    const { text } = diagnose(observed({ faults: { "key-wrong": 1 }, systemTitle: TITLE }));
    expect(text.en).toContain("the key does not fit meter KFM6750000009");
    expect(text.de).toContain("KFM6750000009");
  });

  it("keeps every sentence short in both languages, even with the longest port", () => {
    const fields = {
      label: "x".repeat(48),
      meter: "KFM6750000009",
      line: "115200 8N1",
      reason: "y",
      reasonDe: "y".repeat(60),
    };
    for (const row of Object.values(DIAGNOSIS_TEXTS)) {
      const inDocker = row.inDocker ?? row.cure;
      for (const sentence of [
        row.text.en(fields),
        row.text.de(fields),
        row.cure.en,
        row.cure.de,
        inDocker.en,
        inDocker.de,
      ]) {
        expect(sentence.length, sentence).toBeLessThanOrEqual(124);
        expect(sentence === "" || /[.?]$/.test(sentence), sentence).toBe(true);
      }
      expect(row.cure.en === "").toBe(row.cure.de === "");
    }
  });

  describe("in our container", () => {
    const diagnosisOf = (change: Partial<Observations>) => diagnose(observed({ deployment: "docker", ...change }));
    const byId = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0";

    it.each<[string, Partial<Observations>, RegExp]>([
      [
        "a missing device",
        { source: "no-device" },
        /KAIFA2MQTT_METER_PORT.*docker compose up -d --force-recreate kaifa2mqtt\.$/,
      ],
      ["an unplugged adapter", { source: "lost" }, /docker compose restart kaifa2mqtt .*docker-compose\.hotplug\.yml/],
      ["a device without permission", { source: "permission" }, /DIALOUT_GID.*\.env.*stat -Lc %g/],
      [
        "something that is not a serial device",
        { source: "not-a-serial-device" },
        /KAIFA2MQTT_METER_PORT.*\/dev\/serial\/by-id/,
      ],
      ["noise", noise, /docker compose run --rm kaifa2mqtt doctor\.$/],
    ])("%s: the remedy names the Compose settings and commands, in both languages", (_, change, words) => {
      const { text, cure } = diagnosisOf({ label: byId, ...change });
      expect(cure.en).toMatch(words);
      expect(cure.de).toMatch(words);
      expect(cure.en).not.toBe(cure.de);
      expect(`${cure.en} ${cure.de}`).not.toMatch(/group_add|\/dev\/ttyUSB0/);
      if (change.source !== undefined) {
        expect(text.en).toContain(byId);
        expect(text.de).toContain(byId);
      }
      const onTheHost = diagnose(observed({ label: byId, ...change })).cure;
      expect(`${onTheHost.en} ${onTheHost.de}`).not.toMatch(/docker compose|DIALOUT_GID/);
    });

    it.each(["tcp://127.0.0.1:20108", "tcp://localhost:3001", "tcp://[::1]:3001"])(
      "explains that %s is the container itself",
      (label) => {
        for (const source of ["refused", "unreachable"] as const) {
          const { code, text, cure } = diagnosisOf({ kind: "tcp", source, label });
          expect(code).toBe("unreachable");
          expect(text.en).toContain(label);
          expect(cure.en).toContain("127.0.0.1 is the container itself");
          expect(cure.de).toContain("127.0.0.1 der Container selbst");
          expect(cure.en).toContain("host.docker.internal");
          expect(diagnose(observed({ kind: "tcp", source, label })).cure.en).not.toContain("container");
        }
      },
    );

    it("does not say so for another server", () => {
      expect(diagnosisOf({ kind: "tcp", source: "refused", label: "tcp://10.0.0.127:3001" }).cure.en).not.toContain(
        "container",
      );
    });
  });

  it("shortens a very long port in the middle", () => {
    const label = "/dev/serial/by-id/usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_0001-if00-port0";
    const { text } = diagnose(observed({ label, source: "no-device" }));
    expect(text.en).toContain("/dev/serial");
    expect(text.en).toContain("0001-if00-port0");
    expect(text.en.length).toBeLessThan(124);
  });
});

describe("Observer", () => {
  const fault = (code: "key-wrong" | "framing"): DecoderEvent => ({
    type: "fault",
    code,
    message: "",
    offset: 0,
    length: 10,
    transport: "mbus",
    systemTitle: TITLE,
  });

  it("takes checksums that always fail in the same way for an unknown checksum, others for a bad cable", () => {
    const textAfter = (patterns: readonly (string | undefined)[]): string => {
      const observer = new Observer("/dev/ttyUSB0", "serial");
      observer.opened(0, LINE);
      patterns.forEach((pattern, i) => {
        observer.bytes(
          new Uint8Array(500).map((_, at) => at),
          13_000 + i * 1_000,
        );
        const event = { ...fault("framing"), code: "checksum", ...(pattern === undefined ? {} : { pattern }) };
        observer.decoded(event as DecoderEvent, 13_000 + i * 1_000);
      });
      return diagnose(observer.observe(20_000, 30_000)).text.en;
    };
    expect(textAfter(["a", "a", "a", "a", "a"])).toContain("always wrong in the same way");
    expect(textAfter(["a", "a", "b", "a", "a"])).toContain("arrive damaged");
    expect(textAfter([undefined, undefined, undefined, undefined, undefined])).toContain("arrive damaged");
  });

  it("takes the end of a telegram in progress for a start, not for noise, until more bytes arrive", () => {
    const observer = new Observer("/dev/ttyUSB0", "serial");
    observer.opened(0, LINE);
    const tail = Uint8Array.from({ length: 200 }, (_, i) => (i * 37) & 0xff);
    observer.bytes(tail.subarray(0, 100), 100);
    observer.bytes(tail.subarray(100), 500);
    observer.decoded({ ...fault("framing"), code: "segmentation" } as DecoderEvent, 500);
    expect(diagnose(observer.observe(20_000, 30_000)).code).toBe("starting");
    observer.bytes(tail, 30_000);
    expect(diagnose(observer.observe(31_500, 30_000)).code).not.toBe("starting");
  });

  it("lets old evidence expire", () => {
    const observer = new Observer("/dev/ttyUSB0", "serial");
    observer.opened(0, LINE);
    observer.bytes(Uint8Array.of(1, 2, 3), 1_000);
    observer.decoded(fault("key-wrong"), 1_000);
    expect(diagnose(observer.observe(1_000, 30_000)).code).toBe("key-wrong");
    expect(diagnose(observer.observe(95_000, 30_000)).code).toBe("silence");
  });

  it("forgets faults after an accepted telegram, and reports when telegrams stop", () => {
    const observer = new Observer("/dev/ttyUSB0", "serial");
    observer.opened(0, LINE);
    observer.decoded(fault("key-wrong"), 1_000);
    observer.accepted(6_000);
    expect(diagnose(observer.observe(7_000, 30_000)).code).toBe("ok");
    expect(observer.observe(7_000, 30_000).faults).toEqual({});
    const later = diagnose(observer.observe(66_001, 30_000));
    expect(later.code).toBe("silence");
    expect(later.text.en).toContain("now nothing arrives");
  });

  it("keeps the error of a source that opens and fails again at once", () => {
    const observer = new Observer("tcp://server:3001", "tcp");
    observer.opened(0, null);
    observer.closed("lost");
    observer.opened(2_000, null);
    expect(diagnose(observer.observe(2_500, 30_000)).code).toBe("unreachable");
    expect(diagnose(observer.observe(6_000, 30_000)).code).toBe("starting");
  });

  it("keeps the same sentence while several line settings are tried", () => {
    const observer = new Observer("/dev/ttyUSB0", "serial");
    const texts = new Set<string>();
    let at = 0;
    for (const parity of ["even", "none", "even", "none"] as const) {
      observer.opened(at, { ...LINE, parity });
      for (const end = at + 16_000; at < end; at += 2_000) {
        observer.bytes(
          Uint8Array.from({ length: 60 }, (_, i) => (i * 37 + at) & 0xff),
          at,
        );
        if (at >= 32_000) texts.add(diagnose(observer.observe(at, 30_000)).text.en);
      }
    }
    expect([...texts]).toEqual([
      "Bytes arrive, but no telegrams: wrong baud rate or parity, or no M-Bus slave adapter.",
    ]);
    observer.accepted(at);
    expect(observer.observe(at, 30_000).line).toEqual({ ...LINE, parity: "none" });
  });

  it("keeps reporting silence while other settings are tried", () => {
    const observer = new Observer("/dev/ttyUSB0", "serial");
    observer.opened(0, LINE);
    expect(diagnose(observer.observe(60_000, 30_000)).code).toBe("silence");
    observer.opened(60_000, { ...LINE, parity: "none" });
    expect(diagnose(observer.observe(60_001, 30_000)).code).toBe("silence");
  });

  it("counts bytes with odd parity across chunks", () => {
    const observer = new Observer("/dev/ttyUSB0", "serial");
    observer.opened(0, { ...LINE, parity: "none" });
    const odd = Array.from({ length: 256 }, (_, byte) => byte).filter((b) => b.toString(2).split("1").length % 2 === 0);
    for (const byte of odd) observer.bytes(Uint8Array.of(byte), 1_000);
    const record = observer.observe(14_000, 30_000);
    expect(record).toMatchObject({ bytes: 128, oddBytes: 128, distinctBytes: 128, zeroBytes: 0 });
    expect(diagnose(record).code).toBe("wrong-parity");
  });
});

describe("idleFramesIn", () => {
  const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  it("detects frames without content, also if truncated at both ends", () => {
    expect(idleFramesIn(bytes("E5 10 40 01 41 16 E5"))).toBe("idle");
    expect(idleFramesIn(bytes("01 41 16 10 40 01 41 16 10 40"))).toBe("idle");
    expect(idleFramesIn(bytes("7E 7E 7E"))).toBe("idle");
  });
  it("recognises an AMIS meter by its request", () => {
    expect(idleFramesIn(bytes("10 40 F0 30 16"))).toBe("amis");
    expect(idleFramesIn(bytes("A1 B2 C3 D4 E5 F6 68 01 16 10 40 F0 30 16 E5"))).toBe("amis");
    expect(idleFramesIn(bytes("10 40 F0 30 16 68 01 02"))).toBe("none");
  });
  it("finds none in noise and in telegrams", () => {
    expect(idleFramesIn(bytes("10 40 01 42 16"))).toBe("none");
    expect(idleFramesIn(bytes("68 FA FA 68 53 FF 00 01 67"))).toBe("none");
    expect(idleFramesIn(new Uint8Array(0))).toBe("none");
  });
});

it("formats a system title with the letters of its manufacturer", () => {
  expect(formatSystemTitle(TITLE)).toBe("KFM6750000009");
  expect(formatSystemTitle("0011223344556677")).toBe("0011223344556677");
});
