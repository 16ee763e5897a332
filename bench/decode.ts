/**
 * Decode throughput: telegrams per second from bytes to exact registers, against the bare AES-CTR of the same ciphertext
 * in the same run (with one decipher object per telegram, as required). Rounds alternate and medians are used, so that a
 * noisy machine affects both alike.
 *
 *     npm run bench -- decode
 */
import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { createDecoder } from "../src/codec/decoder.ts";
import { parseHex } from "../src/codec/hex.ts";

/** One line of the result. Rates in telegrams per second. */
export interface DecodeResult {
  readonly name: string;
  readonly cipherBytes: number;
  readonly decodeRate: number;
  readonly aesRate: number;
  /** decodeRate / aesRate; the aim is a third at least. */
  readonly ratio: number;
}

/** From the root of the repository, where npm runs. */
const FIXTURES = "test/fixtures/telegrams";
const ROUNDS = 9;
const ROUND_TELEGRAMS = 20_000;

/** Measures one fixture folder of test/fixtures/telegrams; `cipher` is the position of its ciphertext in the APDU. */
export function measureDecode(name: string, wire: Uint8Array, key: Uint8Array, cipherBytes: number): DecodeResult {
  const ciphertext = wire.slice(20, 20 + cipherBytes);
  const iv = Uint8Array.from([...wire.slice(11, 19), 0, 0, 0, 35, 0, 0, 0, 2]);
  const decode: number[] = [];
  const aes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    decode.push(
      rateOf(() => {
        const decoder = createDecoder({ key });
        return () => {
          const [event] = decoder.feed(wire);
          if (event?.type !== "telegram") throw new Error(`${name} does not decode`);
        };
      }),
    );
    aes.push(rateOf(() => () => createDecipheriv("aes-128-ctr", key, iv).update(ciphertext)));
  }
  const decodeRate = median(decode);
  const aesRate = median(aes);
  return { name, cipherBytes, decodeRate, aesRate, ratio: decodeRate / aesRate };
}

function rateOf(prepare: () => () => unknown): number {
  const run = prepare();
  const start = process.hrtime.bigint();
  for (let i = 0; i < ROUND_TELEGRAMS; i++) run();
  return ROUND_TELEGRAMS / (Number(process.hrtime.bigint() - start) / 1e9);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

/** The two telegrams that issue 3 names. */
export function benchDecode(): DecodeResult[] {
  return [
    { name: "kaifa-netz-noe", cipherBytes: 243 },
    { name: "kaifa-ksm-west", cipherBytes: 336 },
  ].map(({ name, cipherBytes }) => {
    const read = (file: string): Uint8Array =>
      parseHex(readFileSync(`${FIXTURES}/${name}/${file}`, "utf8").replace(/^#.*$/gm, ""));
    return measureDecode(name, read("telegram.hex"), read("key.hex"), cipherBytes);
  });
}
