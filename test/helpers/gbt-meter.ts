/**
 * A Landis+Gyr E450 as configured by Energienetze Steiermark: HDLC, general block transfer, 16 registers, encrypted with tag.
 * The captured telegram is deciphered, advanced in time, then ciphered, split into blocks and framed as by the meter.
 */
import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { encodeGeneralCiphering } from "../../src/codec/apdu/ciphering.ts";
import { parseHex } from "../../src/codec/hex.ts";
import { encodeBlock } from "../../src/codec/link/block-transfer.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";

const FOLDER = "test/fixtures/telegrams/lg-e450-at-steiermark-gbt";
/** Bytes of the APDU in the captured telegram's first and second block; the third has the rest. */
const BLOCKS = [119, 122] as const;
/** Header of the APDU: tag, system title with its length, BER length, security control, counter. */
const CONTENT_AT = 18;
const TAG_LENGTH = 12;
const LLC = [0xe6, 0xe7, 0x00];
/** Positions in the plaintext: both clocks, and the energy registers 1.8.0 and 1.8.1. */
const CLOCKS_AT = [6, 22];
const ENERGY_AT = [43, 56];

const read = (name: string): Uint8Array => parseHex(readFileSync(`${FOLDER}/${name}`, "utf8").replace(/^#.*$/gm, ""));

export class GbtMeter {
  readonly key = Buffer.from(read("key.hex")).toString("hex");
  readonly #plaintext: Buffer;
  readonly #systemTitle: Uint8Array;
  #counter = Math.floor(Date.now() / 1000);

  constructor() {
    const wire = Buffer.from(read("telegram.hex"));
    const apdu = Buffer.concat(
      [...BLOCKS, null].map((length, n) => {
        const at = wire.indexOf(Buffer.from([0xe0, length === null ? 0xc0 : 0x40, 0, n + 1]));
        return wire.subarray(at + 7, at + 7 + (wire[at + 6] ?? 0));
      }),
    );
    this.#systemTitle = apdu.subarray(2, 10);
    const iv = Buffer.concat([this.#systemTitle, apdu.subarray(CONTENT_AT - 4, CONTENT_AT)]);
    const gcm = createDecipheriv("aes-128-gcm", read("key.hex"), iv, { authTagLength: TAG_LENGTH });
    this.#plaintext = gcm.update(apdu.subarray(CONTENT_AT, -TAG_LENGTH));
  }

  /** All bytes of the telegram for that time; each has 1 Wh more than the one before. */
  telegram(time: number): Uint8Array {
    const at = new Date(time);
    for (const position of CLOCKS_AT) {
      this.#plaintext.writeUInt16BE(at.getFullYear(), position);
      const rest = [at.getMonth() + 1, at.getDate(), at.getDay() || 7, at.getHours(), at.getMinutes(), at.getSeconds()];
      this.#plaintext.set(rest, position + 2);
    }
    for (const position of ENERGY_AT)
      this.#plaintext.writeUInt32BE(this.#plaintext.readUInt32BE(position) + 1, position);
    const apdu = encodeGeneralCiphering(this.#plaintext, {
      key: Buffer.from(this.key, "hex"),
      authenticationKey: read("auth-key.hex"),
      systemTitle: this.#systemTitle,
      invocationCounter: this.#counter++,
      securityControl: 0x30,
    });
    const frames: Uint8Array[] = [];
    for (let from = 0, number = 1; from < apdu.length; number++) {
      const to = Math.min(apdu.length, from + (BLOCKS[number - 1] ?? apdu.length));
      const block = encodeBlock(number, to === apdu.length, apdu.subarray(from, to));
      frames.push(encodeHdlcFrame(Uint8Array.from([...(number === 1 ? LLC : []), ...block])));
      from = to;
    }
    return Buffer.concat(frames);
  }
}
