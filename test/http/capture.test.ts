import { describe, expect, it } from "vitest";
import { createDecoder, decodeTelegrams } from "../../src/codec/decoder.ts";
import { formatHex, parseHex } from "../../src/codec/hex.ts";
import { crcX25 } from "../../src/codec/link/hdlc-frame.ts";
import { crcP1 } from "../../src/codec/link/p1-check.ts";
import { anonymousCapture, plainCapture } from "../../src/http/capture.ts";
import { Recorder } from "../../src/http/recorder.ts";
import { fixtureNames, loadFixture, summarize } from "../helpers/fixtures.ts";

const ABOUT = { version: "1.0.0", port: "/dev/ttyUSB0", now: new Date(0) };

/** The entries that the page's recorder keeps for these bytes. */
function recorded(wire: Uint8Array, keys: Parameters<typeof createDecoder>[0]): Recorder {
  const recorder = new Recorder(undefined, () => 0);
  const decoder = recorder.tap(0, createDecoder({ ...keys, keepBytes: true }));
  decoder.feed(wire);
  decoder.end();
  return recorder;
}

/** The bytes of a capture without comments. */
function bytesOf(capture: string): Uint8Array {
  return parseHex(capture.replace(/^#.*$/gm, ""));
}

/** The keys included in an anonymous capture. */
function keysIn(capture: string): { key: Uint8Array; authenticationKey?: Uint8Array } {
  const key = /^# key ([0-9A-F]{32})$/m.exec(capture)?.[1] ?? "";
  const authentication = /^# authentication key ([0-9A-F]{32})$/m.exec(capture)?.[1];
  return {
    key: parseHex(key),
    ...(authentication === undefined ? {} : { authenticationKey: parseHex(authentication) }),
  };
}

const decodable = fixtureNames().filter((name) => {
  const { expected } = loadFixture(name);
  return expected.length > 0 && expected.every((one) => !("error" in one));
});

describe("an anonymous capture", () => {
  it.each(decodable)("of %s decodes to the same values, without identifying the meter", (name) => {
    const { wire, keys } = loadFixture(name);
    const original = decodeTelegrams(wire, keys);
    const capture = anonymousCapture(recorded(wire, keys).list(0), keys, ABOUT);
    const again = decodeTelegrams(bytesOf(capture), keysIn(capture));
    const numbers = (events: typeof original) =>
      summarize(events).map((one) =>
        (one.values as { value: unknown }[] | undefined)?.filter(({ value }) => typeof value === "number"),
      );
    expect(numbers(again)).toEqual(numbers(original));
    for (const event of original) {
      if (event.type !== "telegram") continue;
      const { systemTitle, meterId, registers } = event.telegram;
      const everything = `${capture.replaceAll(" ", "")} ${JSON.stringify(summarize(again))}`;
      if (systemTitle !== null) expect(everything).not.toContain(systemTitle);
      // Numbers in texts identify the meter, except for times.
      const texts = registers.flatMap(({ obis, value }) =>
        typeof value === "string" && /\d{5}/.test(value) && !/T\d\d:/.test(value) && !/:0\.9\./.test(obis)
          ? [value]
          : [],
      );
      for (const text of [...texts, ...(meterId === null || !/\d{5}/.test(meterId) ? [] : [meterId])]) {
        if (/^0+$/.test(text.replace(/\D/g, ""))) continue;
        expect(everything).not.toContain(text);
        expect(everything).not.toContain(formatHex(Buffer.from(text)));
      }
    }
    if (keys.key !== undefined) expect(capture.replaceAll(" ", "")).not.toContain(formatHex(keys.key));
  });

  describe("of a P1 meter keeps the type and format of the checksum", () => {
    const NUMBER = "4530303131323233333434";
    const text = (value: number) =>
      `/HLY5\\D545-METER\r\n\r\n0-0:96.1.1(${NUMBER})\r\n1-0:1.8.0(${String(value).padStart(6, "0")}.743*kWh)\r\n!`;
    /** Telegrams whose checksum has these leading zeros, before or after the number is blanked. */
    const telegram = (
      crc: (bytes: Uint8Array) => number,
      write: (crc: number) => string,
      zeros: "before" | "after",
    ) => {
      for (let value = 0; ; value++) {
        const blanked = text(value).replace(NUMBER, "0".repeat(NUMBER.length));
        const few = crc(Buffer.from(zeros === "before" ? text(value) : blanked)) < 0x1000;
        if (few) return Buffer.from(`${text(value)}${write(crc(Buffer.from(text(value))))}\r\n`);
      }
    };
    const arc = (bytes: Uint8Array) => crcP1(bytes);
    const short = (crc: number) => crc.toString(16).toUpperCase();
    const whole = (crc: number) => short(crc).padStart(4, "0");
    const CASES: [string, Uint8Array][] = [
      ["without leading zeros, which the new one lacks", telegram(arc, short, "before")],
      ["four digits, the new one with a leading zero", telegram(arc, whole, "after")],
      ["in lower case", telegram(arc, (crc) => whole(crc).toLowerCase(), "after")],
      ["another checksum (Holley)", telegram(crcX25, whole, "before")],
    ];
    it.each(CASES)("%s", (_, wire) => {
      const twice = Buffer.concat([wire, wire]);
      const original = decodeTelegrams(twice).map(({ type }) => type);
      expect(original).toContain("telegram");
      const bytes = bytesOf(
        anonymousCapture(
          recorded(twice, {})
            .list(0)
            .filter(({ outcome }) => outcome !== "checksum"),
          {},
          ABOUT,
        ),
      );
      expect(Buffer.from(bytes).toString("latin1")).not.toContain(NUMBER);
      const again = decodeTelegrams(Buffer.concat([bytes, bytes])).filter(({ type }) => type === "telegram");
      for (const event of again) {
        expect(event).toMatchObject({ telegram: { registers: [{ value: "0".repeat(NUMBER.length) }, {}] } });
      }
      expect(again.length).toBeGreaterThan(0);
    });
  });

  it("keeps the ciphertext of telegrams that it cannot decipher, under another system title", () => {
    const { wire } = loadFixture("kaifa-netz-noe");
    const capture = anonymousCapture(recorded(wire, {}).list(0), {}, ABOUT);
    const [event] = decodeTelegrams(bytesOf(capture));
    expect(event).toMatchObject({ type: "fault", code: "key-missing", systemTitle: "4B464D0000000000" });
    expect(capture).toContain("key-missing");
  });

  it("omits damaged telegrams, and says so", () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    const damaged = wire.slice();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    const capture = anonymousCapture(recorded(damaged, keys).list(0), keys, ABOUT);
    expect(bytesOf(capture)).toHaveLength(0);
    expect(capture).toMatch(/checksum: \d+ damaged bytes are left out/);
  });
});

describe("a plain capture", () => {
  it("contains every byte as received, including noise", () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    const noise = Uint8Array.of(1, 2, 3);
    const both = new Uint8Array([...noise, ...wire]);
    const capture = plainCapture(recorded(both, keys).raw(0), ABOUT);
    expect(formatHex(bytesOf(capture))).toBe(formatHex(both));
    expect(capture).toMatch(/^# Capture by kaifa2mqtt 1\.0\.0/);
  });

  it("is bounded", () => {
    const recorder = new Recorder(undefined, () => 0);
    const decoder = recorder.tap(0, createDecoder({ keepBytes: true }));
    for (let turn = 0; turn < 200; turn++) decoder.feed(new Uint8Array(1_000).fill(turn));
    const kept = recorder.raw(0).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(kept).toBeLessThanOrEqual(16_384);
    expect(kept).toBeGreaterThan(15_000);
  });
});

describe("Recorder", () => {
  it("keeps the latest telegrams, newest first, and marks those refused later", () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    let changes = 0;
    const recorder = new Recorder(
      () => changes++,
      () => 7,
    );
    const decoder = recorder.tap(0, createDecoder({ ...keys, keepBytes: true }));
    for (let turn = 0; turn < 30; turn++) {
      for (const event of decoder.feed(wire)) {
        if (event.type !== "telegram") continue;
        recorder
          .watch(0, {
            judge: (telegram, at) => [{ type: "rejected", telegram, at, check: "power", reason: "too high" }],
            disturbed: () => undefined,
            due: null,
            expire: () => [],
            memory: () => null,
          })
          .judge(event.telegram, 0);
      }
    }
    const list = recorder.list(0);
    expect(list).toHaveLength(24);
    expect(list[0]).toMatchObject({
      id: 30,
      at: 7,
      bytes: 282,
      outcome: "implausible",
      message: { en: "too high", de: "unglaubwürdig" },
    });
    expect(recorder.find(30)).toBe(list[0]);
    expect(recorder.find(1)).toBeUndefined();
    expect(changes).toBe(30);
  });
});
