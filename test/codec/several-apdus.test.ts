import { describe, expect, it } from "vitest";
import { encodeGeneralCiphering } from "../../src/codec/apdu/ciphering.ts";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { parseHex } from "../../src/codec/hex.ts";
import { annotate } from "../../src/codec/inspect/annotate.ts";
import { encodeBlock } from "../../src/codec/link/block-transfer.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";
import { encodeMbusFrames } from "../../src/codec/link/mbus-frame.ts";
import { summarize } from "../helpers/fixtures.ts";
import { decodePieces, splits } from "../helpers/splits.ts";

/** Sent by a Landis+Gyr E450 in Switzerland: two notifications with one value each. */
const FRAME = parseHex(
  "7ea04401020110253be6e7000f40000000090c07e60c1a01092808ff80000002010600001134" +
    "e6e7000f40000001090c07e60c1a0109280aff8000000201060000113599047e",
);
const LLC = parseHex("E6E700");
const power = (watts: number, id: number) =>
  parseHex(
    `0f4000000${id}090c07e60c1a0109280${8 + id}ff80000002020906010001070 0ff0600001${watts.toString(16).padStart(3, "0")}`,
  );
const FIRST = power(0x134, 0);
const SECOND = power(0x135, 1);
const BOTH = Buffer.concat([FIRST, LLC, SECOND]);
const key = Buffer.from("000102030405060708090A0B0C0D0E0F", "hex");
const cipher = (apdu: Uint8Array, invocationCounter: number) =>
  encodeGeneralCiphering(apdu, { key, systemTitle: Buffer.from("4C475A6700000001", "hex"), invocationCounter });

const values = (wire: Uint8Array): (number | string)[] =>
  decodeTelegrams(wire, { key }).flatMap((event): (number | string)[] =>
    event.type === "telegram"
      ? event.telegram.registers.map(({ value }) => (typeof value === "string" ? value : Number(value.coefficient)))
      : [event.type],
  );

const ENCODINGS: [string, Uint8Array][] = [
  ["HDLC", encodeHdlcFrame(Buffer.concat([LLC, BOTH]))],
  [
    "HDLC segments",
    Buffer.concat([
      encodeHdlcFrame(Buffer.concat([LLC, BOTH.subarray(0, 30)]), { segmented: true }),
      encodeHdlcFrame(BOTH.subarray(30)),
    ]),
  ],
  ["M-Bus", Buffer.concat(encodeMbusFrames(BOTH))],
  ["M-Bus without LLC between", Buffer.concat(encodeMbusFrames(Buffer.concat([FIRST, SECOND]), { maxData: 20 }))],
  ["bare APDUs", Buffer.concat([LLC, BOTH])],
  [
    "one block transfer",
    encodeHdlcFrame(
      Buffer.concat([LLC, encodeBlock(1, false, BOTH.subarray(0, 25)), encodeBlock(2, true, BOTH.subarray(25))]),
    ),
  ],
  [
    "two block transfers in one frame",
    encodeHdlcFrame(Buffer.concat([LLC, encodeBlock(1, true, FIRST), LLC, encodeBlock(1, true, SECOND)])),
  ],
  ["a block transfer and an APDU", encodeHdlcFrame(Buffer.concat([LLC, encodeBlock(1, true, FIRST), LLC, SECOND]))],
  ["in one ciphered APDU", Buffer.concat(encodeMbusFrames(cipher(BOTH, 1)))],
  ["each ciphered", encodeHdlcFrame(Buffer.concat([LLC, cipher(FIRST, 1), LLC, cipher(SECOND, 2)]))],
];

describe("several notifications in one frame", () => {
  it("of a Landis+Gyr E450 are both read", () => {
    for (const { how, pieces } of splits(FRAME)) {
      const read = decodePieces(pieces, {});
      expect(summarize(read), how).toMatchObject([
        { values: [{ value: 4404, unit: "W" }] },
        { values: [{ value: 4405, unit: "W" }] },
      ]);
    }
  });

  it.each(ENCODINGS)("%s: both are read", (_, wire) => {
    expect(values(wire)).toEqual([4404, 4405]);
  });

  it.each(ENCODINGS)("%s: the same however the bytes are split", (_, wire) => {
    const whole = summarize(decodePieces([wire], { key }));
    for (const { how, pieces } of splits(wire)) expect(summarize(decodePieces(pieces, { key })), how).toEqual(whole);
  });

  it("the first is read even if the second is malformed, which is a fault", () => {
    const broken = Buffer.concat([FIRST, LLC, SECOND.subarray(0, -1)]);
    expect(values(encodeHdlcFrame(Buffer.concat([LLC, broken])))).toEqual([4404, "fault"]);
  });

  it("a remainder that is not an APDU makes the frame malformed", () => {
    expect(values(encodeHdlcFrame(Buffer.concat([LLC, FIRST, Buffer.from([0x0f, 1, 2])])))).toEqual(["fault"]);
  });

  it("a plain APDU after a verified one does not count as verified", () => {
    const authenticationKey = Buffer.from("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF", "hex");
    const verified = encodeGeneralCiphering(FIRST, {
      key,
      authenticationKey,
      securityControl: 0x30,
      systemTitle: Buffer.from("4C475A6700000001", "hex"),
      invocationCounter: 1,
    });
    const wire = encodeHdlcFrame(Buffer.concat([LLC, verified, LLC, SECOND]));
    expect(decodeTelegrams(wire, { key, authenticationKey })).toMatchObject([
      { type: "telegram", telegram: { proof: "tag" } },
      { type: "fault", code: "authentication" },
    ]);
  });

  it("are annotated with all their values", () => {
    const [wire] = annotate(encodeHdlcFrame(Buffer.concat([LLC, BOTH])));
    const registers = wire?.spans.filter(({ kind }) => kind === "register").map(({ value }) => value);
    expect(registers).toEqual(["4404", "4405"]);
  });
});
