import { describe, expect, it } from "vitest";
import { describeWrongKey, isKey, keyBytes, normalizeKey } from "../../src/config/hex-key.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

describe("text pasted instead of a key is identified", () => {
  it.each([
    [KEY.slice(1), "31 hex digits"],
    [`${KEY}0`, "33 hex digits"],
    [Buffer.from(KEY).toString("hex"), "64 hex digits that are the ASCII codes of 32 hex digits"],
    [KEY + KEY, "encryption key and authentication key"],
    ["4B464D1020039534", "system title"],
    ["abcdefghijklmnop", "16 letters or signs"],
    [Buffer.from(KEY, "hex").toString("base64"), "base64"],
    [KEY.replace("8", "O"), "number 11 is not a hex digit, a letter O, I or L"],
    [`30${KEY}`, "control byte in front of keys in Luxembourg"],
    [`30 ${KEY.toLowerCase()}`, "leave 30 out"],
    [`0910${KEY}`, "tag and length of an octet string"],
    [`GUEK: ${KEY}`, 'the word "GUEK" in front'],
    ["", "nothing"],
    ["  ", "nothing"],
  ])("%s", (text, words) => {
    expect(isKey(normalizeKey(text))).toBe(false);
    expect(keyBytes(text)).toBeNull();
    expect(describeWrongKey(text)).toContain(words);
  });

  it("without revealing any of it", () => {
    for (const text of [KEY.slice(1), `${KEY}00`, "abcdefghijklmnop", KEY + KEY]) {
      const said = describeWrongKey(text);
      for (let i = 0; i + 4 <= text.length; i++) expect(said).not.toContain(text.slice(i, i + 4));
    }
  });
});

describe("accepted variations of a key", () => {
  it.each([
    KEY.toLowerCase(),
    ` ${KEY}\n`,
    `0x${KEY}`,
    `"${KEY}"`,
    (KEY.match(/../g) ?? []).join(":"),
    (KEY.match(/../g) ?? []).map((byte) => `0x${byte}`).join(", "),
  ])("%j", (text) => {
    expect(normalizeKey(text)).toBe(KEY);
    expect(
      Buffer.from(keyBytes(text) ?? [])
        .toString("hex")
        .toUpperCase(),
    ).toBe(KEY);
  });
});
