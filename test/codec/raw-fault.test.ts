import { expect, test } from "vitest";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { parseHex } from "../../src/codec/hex.ts";
import { join } from "../helpers/splits.ts";

test("a bare APDU with a malformed body is one fault, with and without LLC, and the next one is decoded", () => {
  const good = parseHex("0F 00000001 00 02 02 09 06 0100010800FF 06 00000005");
  for (const head of ["", "E6E700"]) {
    const broken = parseHex(`${head} 0F 00000001 00 02 02 09 06 0100010800FF 07 00000005`);
    const events = decodeTelegrams(join(broken, good));
    expect(events.filter((event) => event.type === "fault").map((event) => event.code)).toEqual(["malformed"]);
    expect(events.filter((event) => event.type === "telegram").map((event) => event.offset)).toEqual([broken.length]);
  }
});
