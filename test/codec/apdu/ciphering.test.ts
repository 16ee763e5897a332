import { describe, expect, test } from "vitest";
import { type CipheringOptions, encodeGeneralCiphering } from "../../../src/codec/apdu/ciphering.ts";
import { CounterMode } from "../../../src/codec/apdu/counter-mode.ts";
import { encodeDataNotification } from "../../../src/codec/apdu/data-notification.ts";
import { encodeBerLength } from "../../../src/codec/axdr/ber-length.ts";
import { decodeTelegrams } from "../../../src/codec/decoder.ts";
import type { DecoderEvent, DecoderOptions } from "../../../src/codec/decoder-event.ts";
import { parseHex } from "../../../src/codec/hex.ts";
import { encodeMbusFrames } from "../../../src/codec/link/mbus-frame.ts";
import { loadFixture, summarize } from "../../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../../helpers/random.ts";
import { join } from "../../helpers/splits.ts";

const authenticated = loadFixture("kaifa-ksm-west-authenticated");
const noe = loadFixture("kaifa-netz-noe");
const noKey = loadFixture("elster-salzburg-no-key");

const key = parseHex("000102030405060708090A0B0C0D0E0F");
const authenticationKey = parseHex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF");
const key256 = parseHex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
const systemTitle = parseHex("4B464D1020039534");

const plaintext = encodeDataNotification(
  {
    tag: "structure",
    items: [
      { tag: "octetString", bytes: parseHex("0100010800FF") },
      { tag: "doubleLongUnsigned", value: 12937 },
      {
        tag: "structure",
        items: [
          { tag: "integer", value: 0 },
          { tag: "enum", value: 30 },
        ],
      },
    ],
  },
  { dateTime: parseHex("07E5091B01092F0F00FF8880") },
);

function cipher(options: Partial<CipheringOptions> = {}): Uint8Array {
  return encodeGeneralCiphering(plaintext, { key, authenticationKey, systemTitle, invocationCounter: 7, ...options });
}

function decode(apdu: Uint8Array, keys: DecoderOptions = { key }): DecoderEvent {
  const [event, ...others] = decodeTelegrams(join(...encodeMbusFrames(apdu)), keys);
  expect(others).toEqual([]);
  return event as DecoderEvent;
}

function outcome(apdu: Uint8Array, keys?: DecoderOptions): string {
  const event = decode(apdu, keys);
  if (event.type === "telegram") return `${event.telegram.security}, proof ${event.telegram.proof}`;
  return event.type === "fault" ? event.code : event.type;
}

const flip = (bytes: Uint8Array, at: number, mask = 1) => {
  const copy = bytes.slice();
  copy[at < 0 ? copy.length + at : at] = (copy.at(at) as number) ^ mask;
  return copy;
};

describe("suites and security controls", () => {
  test.each([
    [0x20, key, "encrypted, proof sum"],
    [0x21, key, "encrypted, proof sum"],
    [0x22, key256, "encrypted, proof sum"],
    [0x30, key, "authenticated+encrypted, proof tag"],
    [0x31, key, "authenticated+encrypted, proof tag"],
    [0x32, key256, "authenticated+encrypted, proof tag"],
    [0x10, key, "authenticated, proof tag"],
    [0x11, key, "authenticated, proof tag"],
    [0x00, key, "none, proof sum"],
    [0x60, key, "encrypted, proof sum"],
  ])("%i", (securityControl, suiteKey, expected) => {
    const keys = { key: suiteKey, ...(securityControl & 0x10 ? { authenticationKey } : {}) };
    expect(outcome(cipher({ securityControl, key: suiteKey }), keys)).toBe(expected);
    expect(outcome(cipher({ securityControl, key: suiteKey, tag: 0xdc }), keys)).toBe(expected);
  });

  test("unknown ones are unsupported", () => {
    expect(outcome(flip(cipher(), 11, 0x20 ^ 0x23))).toBe("unsupported");
    expect(outcome(flip(cipher(), 11, 0x80))).toBe("unsupported");
    expect(outcome(cipher({ securityControl: 0x60, key: authenticationKey }))).toBe("unsupported");
    expect(outcome(Uint8Array.of(0xdf, 0x08, 1, 2, 3))).toBe("unsupported");
  });

  test("an empty system title is unsupported, whatever the key", () => {
    const tail = cipher({ securityControl: 0x30 }).subarray(10);
    expect(outcome(Uint8Array.of(0xdb, 0x00, ...tail))).toBe("unsupported");
  });
});

describe("keys", () => {
  test("the tag is verified with an authentication key, and ignored without", () => {
    const both = decodeTelegrams(authenticated.wire, authenticated.keys);
    expect(summarize(both)).toEqual(authenticated.expected);
    expect(both[0]).toMatchObject({ telegram: { proof: "tag" } });
    const one = decodeTelegrams(authenticated.wire, { key: authenticated.keys.key });
    expect(summarize(one)).toEqual(authenticated.expected);
    expect(one[0]).toMatchObject({ telegram: { proof: "sum" } });
  });

  test("with an authentication key, a telegram without a tag is refused", () => {
    const fault = { type: "fault", code: "authentication", untagged: true };
    expect(decodeTelegrams(noe.wire, { ...noe.keys, authenticationKey })).toEqual([expect.objectContaining(fault)]);
    for (const securityControl of [0x00, 0x20, 0x21]) {
      expect(decode(cipher({ securityControl }), { key, authenticationKey })).toMatchObject(fault);
    }
    expect(decode(plaintext, { key, authenticationKey })).toMatchObject(fault);
    expect(outcome(cipher({ securityControl: 0x10 }), { authenticationKey })).toBe("key-missing");
    expect(decode(cipher({ securityControl: 0x30 }), { key, authenticationKey: key })).not.toHaveProperty("untagged");
  });

  test("without a key the fault is key-missing and contains the system title", () => {
    expect(decodeTelegrams(noKey.wire)).toEqual([
      expect.objectContaining({
        code: "key-missing",
        systemTitle: "454C536570000001",
        transport: "mbus",
        offset: 0,
        length: 99,
      }),
    ]);
    expect(outcome(cipher(), {})).toBe("key-missing");
    expect(outcome(cipher(), { authenticationKey })).toBe("key-missing");
  });

  test("each of a thousand wrong keys is reported as such, with and without a tag", () => {
    const random = seededRandom(7);
    for (let i = 0; i < 1000; i++) {
      const wrong = randomBytes(random, 16);
      expect(outcome(cipher(), { key: wrong })).toBe("key-wrong");
      expect(outcome(cipher({ securityControl: 0x30 }), { key: wrong, authenticationKey })).toBe("key-wrong");
    }
    expect(outcome(cipher(), { key: key256 })).toBe("key-wrong");
    expect(outcome(cipher({ securityControl: 0x22, key: key256 }), { key })).toBe("key-wrong");
  });

  test("a wrong authentication key is an authentication fault", () => {
    expect(outcome(cipher({ securityControl: 0x30 }), { key, authenticationKey: key })).toBe("authentication");
    expect(outcome(cipher({ securityControl: 0x10 }), { key, authenticationKey: key })).toBe("authentication");
  });

  test("no message contains a key", () => {
    const keys = { key, authenticationKey: key };
    const message = JSON.stringify(decode(cipher({ securityControl: 0x30 }), keys));
    expect(message).not.toMatch(/000102030405/);
    expect(JSON.stringify(decode(cipher(), { key: authenticationKey }))).not.toMatch(/D0D1D2/i);
  });
});

test("any flipped bit in an authenticated telegram is refused, even with a corrected frame checksum", () => {
  const apdu = cipher({ securityControl: 0x30 });
  for (let at = 17; at < apdu.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      expect(outcome(flip(apdu, at, 1 << bit), { key, authenticationKey }), `byte ${at} bit ${bit}`).toBe(
        "authentication",
      );
    }
  }
  for (let at = 2; at < 10; at++) expect(outcome(flip(apdu, at), { key, authenticationKey })).toBe("key-wrong");
});

describe("lengths", () => {
  const rest = cipher().subarray(11);
  const withLength = (...length: number[]) => join(Uint8Array.of(0xdb, 8), systemTitle, Uint8Array.from(length), rest);

  test("every form of the BER length is accepted, also a longer one than needed", () => {
    expect(encodeBerLength(rest.length)).toEqual([rest.length]);
    for (const length of [
      [rest.length],
      [0x81, rest.length],
      [0x82, 0, rest.length],
      [0x83, 0, 0, rest.length],
      [0x84, 0, 0, 0, rest.length],
    ]) {
      expect(outcome(withLength(...length))).toBe("encrypted, proof sum");
    }
  });

  test("a length that does not match the end of the APDU is malformed", () => {
    expect(outcome(withLength(rest.length + 1))).toBe("malformed");
    expect(outcome(withLength(rest.length - 1))).toBe("malformed");
    expect(outcome(withLength(0x80))).toBe("malformed");
    expect(outcome(withLength(0x85, 0, 0, 0, 0, rest.length))).toBe("malformed");
    expect(outcome(flip(cipher(), 1))).toBe("malformed");
    expect(outcome(Uint8Array.of(0xdb, 8, 1, 2))).toBe("malformed");
    expect(outcome(Uint8Array.of(0xdb, 8, ...systemTitle, 3, 0x20, 0, 0))).toBe("malformed");
    expect(outcome(Uint8Array.of(0xdb, 8, ...systemTitle, 8, 0x30, 0, 0, 0, 1, 2, 3, 4))).toBe("malformed");
  });
});

describe("data-notification", () => {
  const body = plaintext.subarray(18);
  const id = Uint8Array.of(0x0f, 0, 0, 0, 1);
  const time = parseHex("07E5091B01092F0F00FF8880");
  const timeOf = (apdu: Uint8Array) => {
    const event = decode(apdu);
    return event.type === "telegram" ? event.telegram.meterTime : event.type === "fault" ? event.code : "";
  };

  test.each([
    ["0C", join(id, Uint8Array.of(0x0c), time, body), "2021-09-27T09:47:15+02:00"],
    ["00", join(id, Uint8Array.of(0x00), body), null],
    ["09 0C", join(id, Uint8Array.of(0x09, 0x0c), time, body), "2021-09-27T09:47:15+02:00"],
    ["19", join(id, Uint8Array.of(0x19), time, body), "2021-09-27T09:47:15+02:00"],
    ["not specified", join(id, Uint8Array.of(0x0c), new Uint8Array(12).fill(0xff), body), null],
    ["of an unknown form", join(id, Uint8Array.of(0x0b), time, body), "malformed"],
    ["with a longer body", join(id, Uint8Array.of(0x00), body, Uint8Array.of(0)), "malformed"],
    ["with a shorter body", join(id, Uint8Array.of(0x00), body.subarray(0, -1)), "malformed"],
    ["truncated", join(id, Uint8Array.of(0x0c), time.subarray(0, 11)), "malformed"],
  ])("date-time %s", (_, apdu, expected) => {
    expect(timeOf(apdu)).toBe(expected);
  });
});

test("counter mode gives the same key stream for every length, also after a longer text", () => {
  const random = seededRandom(3);
  const iv = randomBytes(random, 12);
  const text = randomBytes(random, 700);
  const mode = new CounterMode(key);
  const whole = mode.apply(iv, text, 0, text.length).slice();
  for (let length = 0; length < text.length; length += 7) {
    expect(mode.apply(iv, text, 0, length)).toEqual(whole.subarray(0, length));
  }
  expect(mode.apply(iv, whole, 0, whole.length)).toEqual(text);
});
