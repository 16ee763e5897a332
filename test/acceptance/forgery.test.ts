/** Forged, replayed and downgraded telegrams of a meter with encryption or authentication. See docs/acceptance.md. */
import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { AcceptanceOptions, Verdict } from "../../src/acceptance/verdict.ts";
import { encodeGeneralCiphering } from "../../src/codec/apdu/ciphering.ts";
import { encodeDataNotification } from "../../src/codec/apdu/data-notification.ts";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { DecoderOptions } from "../../src/codec/decoder-event.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";
import { encodeMbusFrames } from "../../src/codec/link/mbus-frame.ts";
import { clockBytes, netzNoe, PERIOD_MS, START } from "../helpers/telegrams.ts";

const key = Buffer.from("000102030405060708090A0B0C0D0E0F", "hex");
const authenticationKey = Buffer.from("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF", "hex");
const systemTitle = Buffer.from("4B464D6550000009", "hex");

/** Plaintext of a push with one register, sent at counter × 5 s. */
function plaintext(counter: number, energy: number): Uint8Array {
  return encodeDataNotification(
    {
      tag: "structure",
      items: [
        { tag: "octetString", bytes: Buffer.from("0100010800FF", "hex") },
        { tag: "doubleLongUnsigned", value: energy },
        {
          tag: "structure",
          items: [
            { tag: "integer", value: 0 },
            { tag: "enum", value: 30 },
          ],
        },
      ],
    },
    { dateTime: Buffer.from(clockBytes(new Date(START + counter * PERIOD_MS)), "hex"), longInvokeId: counter },
  );
}

const LINKS = {
  mbus: (apdu: Uint8Array): Uint8Array => Buffer.concat(encodeMbusFrames(apdu)),
  hdlc: (apdu: Uint8Array): Uint8Array => encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), apdu])),
};
type LinkName = keyof typeof LINKS;

const seal = (counter: number, energy: number, securityControl: number): Uint8Array =>
  encodeGeneralCiphering(plaintext(counter, energy), {
    key,
    authenticationKey,
    systemTitle,
    invocationCounter: counter,
    securityControl,
  });

/** A bridge that reads one line. */
class Victim {
  readonly published: (number | null)[] = [];
  readonly faults: string[] = [];
  readonly #options: AcceptanceOptions;
  readonly #decoder: ReturnType<typeof createDecoder>;
  #acceptance: ReturnType<typeof createAcceptance>;
  #now = 0;

  constructor(keys: DecoderOptions) {
    this.#options = { keyId: "k1", source: "/dev/ttyUSB0" };
    this.#decoder = createDecoder(keys);
    this.#acceptance = createAcceptance(this.#options);
  }

  receive(wire: Uint8Array): void {
    this.#now += PERIOD_MS;
    const { due } = this.#acceptance;
    if (due !== null && due <= this.#now) this.#record(this.#acceptance.expire(due));
    for (const event of [...this.#decoder.feed(wire), ...this.#decoder.silence()]) {
      if (event.type === "telegram") this.#record(this.#acceptance.judge(event.telegram, this.#now));
      else if (event.type === "fault") this.faults.push(event.code);
    }
  }

  restart(): void {
    this.#acceptance = createAcceptance(this.#options, JSON.parse(JSON.stringify(this.#acceptance.memory())));
  }

  #record(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      if (verdict.type === "rejected") this.faults.push(verdict.check);
      else this.published.push(verdict.telegram.invocationCounter);
    }
  }
}

/** Each forges telegram `counter` from recorded traffic: known plaintext, no key. */
const ATTACKS = {
  "plaintext in a ciphering header with security control 00 and the next counter": (counter: number) =>
    encodeGeneralCiphering(plaintext(counter, 1_000_000 + counter), {
      key,
      systemTitle,
      invocationCounter: counter,
      securityControl: 0x00,
    }),
  "a genuine ciphertext with flipped bits, without its tag, security control 30 changed to 20": (counter: number) => {
    const genuine = seal(counter, 1_000_000 + counter, 0x30);
    // DB 08 title(8) length | security control, counter(4), content, tag(12)
    const cut = genuine.slice(0, -12);
    cut[10] = (cut[10] as number) - 12;
    cut[11] = 0x20;
    // The lowest byte of the energy: after the header (11 + 5), the head of the notification (18), the code and tags.
    const at = 16 + 18 + 2 + 8 + 1 + 3;
    cut[at] = (cut[at] as number) ^ 0x01;
    return cut;
  },
  "a bare data notification": (counter: number) => plaintext(counter, 1_000_000 + counter),
} as const;

const CASES = (["mbus", "hdlc"] as const).flatMap((link) =>
  (Object.keys(ATTACKS) as (keyof typeof ATTACKS)[]).map((attack) => [link, attack] as const),
);

describe("with an authentication key no forgery is published", () => {
  test.each(CASES)("%s: %s", (link, attack) => {
    const victim = new Victim({ key, authenticationKey });
    const genuine: number[] = [];
    for (let counter = 100; counter < 140; counter += 2) {
      victim.receive(LINKS[link](seal(counter, 1_000_000 + counter, 0x30)));
      genuine.push(counter);
      victim.receive(LINKS[link](ATTACKS[attack](counter + 1)));
    }
    for (let counter = 140; counter < 160; counter++) victim.receive(LINKS[link](ATTACKS[attack](counter)));
    expect(victim.published).toEqual(genuine);
    expect(new Set(victim.faults)).toEqual(new Set(["authentication"]));
    expect(victim.faults).toHaveLength(40);
  });

  test.each(["mbus", "hdlc"] as const)("%s: replayed telegrams are refused, also after restarts", (link) => {
    const victim = new Victim({ key, authenticationKey });
    const wire = (counter: number) => LINKS[link](seal(counter, 1_000_000 + counter, 0x30));
    const genuine = [105, 106, 107, 108, 109, 110, 1_110, 1_111, 1_112, 1_113];
    for (const counter of genuine) victim.receive(wire(counter));
    for (let round = 0; round < 3; round++) {
      for (let counter = 105; counter <= 110; counter++) victim.receive(wire(counter));
      for (let repetition = 0; repetition < 10; repetition++) victim.receive(wire(1_113));
      victim.restart();
    }
    expect(victim.published).toEqual(genuine);
    expect(new Set(victim.faults)).toEqual(new Set(["counter"]));
    victim.receive(wire(1_114));
    expect(victim.published.at(-1)).toBe(1_114);
  });
});

describe("without an authentication key, plain telegrams of a meter that sent encrypted ones are never published", () => {
  const PLAIN = [
    "plaintext in a ciphering header with security control 00 and the next counter",
    "a bare data notification",
  ] as const;
  test.each((["mbus", "hdlc"] as LinkName[]).flatMap((link) => PLAIN.map((attack) => [link, attack] as const)))(
    "%s: %s, also after a restart",
    (link, attack) => {
      const victim = new Victim({ key });
      const wire = (counter: number) => LINKS[link](seal(counter, 1_000_000 + counter, 0x20));
      for (let counter = 100; counter < 104; counter++) victim.receive(wire(counter));
      for (let counter = 104; counter < 120; counter++) victim.receive(LINKS[link](ATTACKS[attack](counter)));
      victim.restart();
      for (let counter = 120; counter < 140; counter++) victim.receive(LINKS[link](ATTACKS[attack](counter)));
      victim.receive(wire(140));
      victim.receive(wire(141));
      const distinct = victim.published.filter((counter, index, all) => all.indexOf(counter) === index);
      expect(distinct).toEqual([100, 101, 102, 103, 140, 141]);
      expect(new Set(victim.faults)).toEqual(new Set(["encryption"]));
    },
  );
});

/** The table in docs/acceptance.md, "Replays and downgrades". */
describe("an invocation counter that does not increase", () => {
  const OPTIONS = { keyId: "k1", source: "/dev/ttyUSB0" };
  const judge = (acceptance: ReturnType<typeof createAcceptance>, telegram: ReturnType<typeof netzNoe>, at: number) =>
    acceptance.judge(telegram, at).map((verdict) => (verdict.type === "rejected" ? verdict.check : verdict.type));
  const known = (proof: "tag" | "crc", options: AcceptanceOptions = OPTIONS, memory?: unknown) => {
    const acceptance = createAcceptance(options, memory);
    for (const counter of [0, 1, 2]) acceptance.judge(netzNoe({ counter, proof }), counter * PERIOD_MS);
    return acceptance;
  };

  test.each(["tag", "crc"] as const)("the same counter with other content is always refused (%s)", (proof) => {
    const acceptance = known(proof);
    for (let attempt = 0; attempt < 20; attempt++) {
      const forged = { ...netzNoe({ counter: 3 + attempt, proof }), invocationCounter: 1_002 };
      expect(judge(acceptance, forged, 15_000 + attempt * PERIOD_MS)).toEqual(["counter"]);
    }
    expect(judge(acceptance, netzNoe({ counter: 30, proof }), 150_000)).toEqual(["accepted"]);
  });

  test("the last telegram again is refused if it is authenticated, otherwise accepted", () => {
    expect(judge(known("tag"), netzNoe({ counter: 2, proof: "tag" }), 15_000)).toEqual(["counter"]);
    expect(judge(known("crc"), netzNoe({ counter: 2, proof: "crc" }), 15_000)).toEqual(["accepted"]);
  });

  test("a counter that jumps ahead is accepted: nobody can produce one without the key", () => {
    const jump = { ...netzNoe({ counter: 3, proof: "tag" as const }), invocationCounter: 4_000_000_000 };
    expect(judge(known("tag"), jump, 15_000)).toEqual(["accepted"]);
  });

  test("counters are tracked per system title: two meters with one key, then old telegrams of the first", () => {
    const acceptance = known("tag");
    const other = (counter: number) => ({
      ...netzNoe({ counter, proof: "tag", systemTitle: "4B464D6550000077", meterId: "181210000077", import: counter }),
      invocationCounter: counter,
    });
    const verdicts = [3, 4, 5, 6, 7].flatMap((counter) => judge(acceptance, other(counter), counter * PERIOD_MS));
    expect(verdicts).toEqual(["accepted", "accepted", "accepted", "accepted", "accepted"]);
    for (const counter of [0, 1, 2, 1, 2, 0, 1, 2]) {
      expect(judge(acceptance, netzNoe({ counter, proof: "tag" }), 60_000)).toEqual(["counter"]);
    }
  });

  test("a meter whose counter restarts with the same key and title is refused until its state is deleted", () => {
    const acceptance = known("tag");
    const restarted = (counter: number) => ({
      ...netzNoe({ counter, proof: "tag" as const }),
      invocationCounter: counter,
    });
    for (let counter = 3; counter < 60; counter++) {
      expect(judge(acceptance, restarted(counter), counter * PERIOD_MS)).toEqual(["counter"]);
    }
    expect(judge(createAcceptance(OPTIONS, {}), restarted(60), 0)).toEqual(["accepted"]);
  });

  test("a new key is a fresh start: its counters may start at 0", () => {
    const memory = JSON.parse(JSON.stringify(known("tag").memory()));
    const restarted = { ...netzNoe({ counter: 3, proof: "tag" as const }), invocationCounter: 5 };
    expect(judge(createAcceptance({ ...OPTIONS, keyId: "k2" }, memory), restarted, 300)).toEqual(["accepted"]);
    expect(judge(createAcceptance(OPTIONS, memory), restarted, 300)).toEqual(["counter"]);
  });

  test("a telegram that is not accepted does not advance the counter", () => {
    const acceptance = known("crc");
    const forged = { ...netzNoe({ counter: 3, proof: "crc" as const, import: 3 }), invocationCounter: 4_000_000_000 };
    // Its CRC is valid: the powers are published, but not the registers, and the counter is not stored.
    expect(judge(acceptance, forged, 15_000)).toEqual(["provisional"]);
    expect(judge(acceptance, netzNoe({ counter: 4, proof: "crc" }), 20_000)).toEqual(["energy-fall", "accepted"]);
  });

  test("of a plain meter proves nothing: it may restart", () => {
    const plain = (counter: number, shown: number) =>
      ({ ...netzNoe({ counter }), security: "none", invocationCounter: shown }) as ReturnType<typeof netzNoe>;
    const acceptance = createAcceptance(OPTIONS);
    for (const counter of [0, 1, 2]) acceptance.judge(plain(counter, 1_000 + counter), counter * PERIOD_MS);
    const verdicts = [3, 4, 5].flatMap((counter) => judge(acceptance, plain(counter, counter), counter * PERIOD_MS));
    expect(verdicts).toEqual(["accepted", "accepted", "accepted"]);
  });
});
