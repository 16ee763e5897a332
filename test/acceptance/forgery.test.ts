/** Attacks on a meter whose telegrams are encrypted or authenticated: what of them is published. See docs/acceptance.md. */
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

/** The plaintext of a push with one register, at counter × 5 s. */
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

/** A bridge that listens to one line. */
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

  hear(wire: Uint8Array): void {
    this.#now += PERIOD_MS;
    const { due } = this.#acceptance;
    if (due !== null && due <= this.#now) this.#note(this.#acceptance.expire(due));
    for (const event of [...this.#decoder.feed(wire), ...this.#decoder.silence()]) {
      if (event.type === "telegram") this.#note(this.#acceptance.judge(event.telegram, this.#now));
      else if (event.type === "fault") this.faults.push(event.code);
    }
  }

  restart(): void {
    this.#acceptance = createAcceptance(this.#options, JSON.parse(JSON.stringify(this.#acceptance.memory())));
  }

  #note(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      if (verdict.type === "rejected") this.faults.push(verdict.check);
      else this.published.push(verdict.telegram.invocationCounter);
    }
  }
}

/** Each forges telegram `counter` from what went over the line: known plaintext, no key. */
const ATTACKS = {
  "plaintext in a ciphering header with security control 00 and the next counter": (counter: number) =>
    encodeGeneralCiphering(plaintext(counter, 1_000_000 + counter), {
      key,
      systemTitle,
      invocationCounter: counter,
      securityControl: 0x00,
    }),
  "a genuine ciphertext with flipped bits, its tag cut off and security control 30 made 20": (counter: number) => {
    const genuine = seal(counter, 1_000_000 + counter, 0x30);
    // DB 08 title(8) length | security control, counter(4), content, tag(12)
    const cut = genuine.slice(0, -12);
    cut[10] = (cut[10] as number) - 12;
    cut[11] = 0x20;
    // The lowest byte of the energy: behind the header (11 + 5), the notification's head (18) and code and tags.
    const at = 16 + 18 + 2 + 8 + 1 + 3;
    cut[at] = (cut[at] as number) ^ 0x01;
    return cut;
  },
  "a bare data notification": (counter: number) => plaintext(counter, 1_000_000 + counter),
} as const;

const CASES = (["mbus", "hdlc"] as const).flatMap((link) =>
  (Object.keys(ATTACKS) as (keyof typeof ATTACKS)[]).map((attack) => [link, attack] as const),
);

describe("with an authentication key nothing is forged", () => {
  test.each(CASES)("%s: %s", (link, attack) => {
    const victim = new Victim({ key, authenticationKey });
    const genuine: number[] = [];
    for (let counter = 100; counter < 140; counter += 2) {
      victim.hear(LINKS[link](seal(counter, 1_000_000 + counter, 0x30)));
      genuine.push(counter);
      victim.hear(LINKS[link](ATTACKS[attack](counter + 1)));
    }
    for (let counter = 140; counter < 160; counter++) victim.hear(LINKS[link](ATTACKS[attack](counter)));
    expect(victim.published).toEqual(genuine);
    expect(new Set(victim.faults)).toEqual(new Set(["authentication"]));
    expect(victim.faults).toHaveLength(40);
  });

  test.each(["mbus", "hdlc"] as const)("%s: recorded telegrams stay refused, also after restarts", (link) => {
    const victim = new Victim({ key, authenticationKey });
    const wire = (counter: number) => LINKS[link](seal(counter, 1_000_000 + counter, 0x30));
    const genuine = [105, 106, 107, 108, 109, 110, 1_110, 1_111, 1_112, 1_113];
    for (const counter of genuine) victim.hear(wire(counter));
    for (let round = 0; round < 3; round++) {
      for (let counter = 105; counter <= 110; counter++) victim.hear(wire(counter));
      for (let again = 0; again < 10; again++) victim.hear(wire(1_113));
      victim.restart();
    }
    expect(victim.published).toEqual(genuine);
    expect(new Set(victim.faults)).toEqual(new Set(["counter"]));
    victim.hear(wire(1_114));
    expect(victim.published.at(-1)).toBe(1_114);
  });
});

describe("without one, a meter that was seen encrypted is never believed unencrypted", () => {
  const PLAIN = [
    "plaintext in a ciphering header with security control 00 and the next counter",
    "a bare data notification",
  ] as const;
  test.each((["mbus", "hdlc"] as LinkName[]).flatMap((link) => PLAIN.map((attack) => [link, attack] as const)))(
    "%s: %s, also after a restart",
    (link, attack) => {
      const victim = new Victim({ key });
      const wire = (counter: number) => LINKS[link](seal(counter, 1_000_000 + counter, 0x20));
      for (let counter = 100; counter < 104; counter++) victim.hear(wire(counter));
      for (let counter = 104; counter < 120; counter++) victim.hear(LINKS[link](ATTACKS[attack](counter)));
      victim.restart();
      for (let counter = 120; counter < 140; counter++) victim.hear(LINKS[link](ATTACKS[attack](counter)));
      victim.hear(wire(140));
      victim.hear(wire(141));
      const complete = victim.published.filter((counter, index, all) => all.indexOf(counter) === index);
      expect(complete).toEqual([100, 101, 102, 103, 140, 141]);
      expect(new Set(victim.faults)).toEqual(new Set(["encryption"]));
    },
  );
});

/** The table of docs/acceptance.md, "Replays and downgrades". */
describe("an invocation counter that does not grow", () => {
  const OPTIONS = { keyId: "k1", source: "/dev/ttyUSB0" };
  const judge = (acceptance: ReturnType<typeof createAcceptance>, telegram: ReturnType<typeof netzNoe>, at: number) =>
    acceptance.judge(telegram, at).map((verdict) => (verdict.type === "rejected" ? verdict.check : verdict.type));
  const known = (proof: "tag" | "crc", options: AcceptanceOptions = OPTIONS, memory?: unknown) => {
    const acceptance = createAcceptance(options, memory);
    for (const counter of [0, 1, 2]) acceptance.judge(netzNoe({ counter, proof }), counter * PERIOD_MS);
    return acceptance;
  };

  test.each(["tag", "crc"] as const)("the same counter with other content is refused for good (%s)", (proof) => {
    const acceptance = known(proof);
    for (let again = 0; again < 20; again++) {
      const forged = { ...netzNoe({ counter: 3 + again, proof }), invocationCounter: 1_002 };
      expect(judge(acceptance, forged, 15_000 + again * PERIOD_MS)).toEqual(["counter"]);
    }
    expect(judge(acceptance, netzNoe({ counter: 30, proof }), 150_000)).toEqual(["accepted"]);
  });

  test("the last telegram once more is refused where it is authenticated, else it says nothing new", () => {
    expect(judge(known("tag"), netzNoe({ counter: 2, proof: "tag" }), 15_000)).toEqual(["counter"]);
    expect(judge(known("crc"), netzNoe({ counter: 2, proof: "crc" }), 15_000)).toEqual(["accepted"]);
  });

  test("a counter that jumps ahead is taken: nobody without the key can make one", () => {
    const jump = { ...netzNoe({ counter: 3, proof: "tag" as const }), invocationCounter: 4_000_000_000 };
    expect(judge(known("tag"), jump, 15_000)).toEqual(["accepted"]);
  });

  test("counters are counted by system title: two meters with one key, and the old ones of the first later on", () => {
    const acceptance = known("tag");
    const other = (counter: number) => ({
      ...netzNoe({ counter, proof: "tag", systemTitle: "4B464D6550000077", meterId: "181210000077", import: counter }),
      invocationCounter: counter,
    });
    const said = [3, 4, 5, 6, 7].flatMap((counter) => judge(acceptance, other(counter), counter * PERIOD_MS));
    expect(said).toEqual(["accepted", "accepted", "accepted", "accepted", "accepted"]);
    for (const counter of [0, 1, 2, 1, 2, 0, 1, 2]) {
      expect(judge(acceptance, netzNoe({ counter, proof: "tag" }), 60_000)).toEqual(["counter"]);
    }
  });

  test("a meter that begins anew under the same key and title is refused until the user forgets it", () => {
    const acceptance = known("tag");
    const anew = (counter: number) => ({ ...netzNoe({ counter, proof: "tag" as const }), invocationCounter: counter });
    for (let counter = 3; counter < 60; counter++) {
      expect(judge(acceptance, anew(counter), counter * PERIOD_MS)).toEqual(["counter"]);
    }
    expect(judge(createAcceptance(OPTIONS, {}), anew(60), 0)).toEqual(["accepted"]);
  });

  test("a new key is a new beginning: its counters may start at 0", () => {
    const memory = JSON.parse(JSON.stringify(known("tag").memory()));
    const anew = { ...netzNoe({ counter: 3, proof: "tag" as const }), invocationCounter: 5 };
    expect(judge(createAcceptance({ ...OPTIONS, keyId: "k2" }, memory), anew, 300)).toEqual(["accepted"]);
    expect(judge(createAcceptance(OPTIONS, memory), anew, 300)).toEqual(["counter"]);
  });

  test("a telegram that is not accepted moves no counter, whatever it says", () => {
    const acceptance = known("crc");
    const forged = { ...netzNoe({ counter: 3, proof: "crc" as const, import: 3 }), invocationCounter: 4_000_000_000 };
    // The check sum is right: its powers are published, its registers and its counter are not believed.
    expect(judge(acceptance, forged, 15_000)).toEqual(["provisional"]);
    expect(judge(acceptance, netzNoe({ counter: 4, proof: "crc" }), 20_000)).toEqual(["energy-fall", "accepted"]);
  });

  test("of a plain meter is no proof of anything: it may begin anew", () => {
    const plain = (counter: number, shown: number) =>
      ({ ...netzNoe({ counter }), security: "none", invocationCounter: shown }) as ReturnType<typeof netzNoe>;
    const acceptance = createAcceptance(OPTIONS);
    for (const counter of [0, 1, 2]) acceptance.judge(plain(counter, 1_000 + counter), counter * PERIOD_MS);
    const said = [3, 4, 5].flatMap((counter) => judge(acceptance, plain(counter, counter), counter * PERIOD_MS));
    expect(said).toEqual(["accepted", "accepted", "accepted"]);
  });
});
