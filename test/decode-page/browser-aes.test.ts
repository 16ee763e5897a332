import { describe, expect, it } from "vitest";
import * as node from "../../src/codec/aes.ts";
import * as browser from "../../src/decode-page/browser-aes.ts";
import { seededRandom } from "../helpers/random.ts";

const random = seededRandom(20);
const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
const plain = (value: Uint8Array) => [...value];

describe("the browser's AES equals Node's", () => {
  it("has the same exports", () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort());
  });

  it.each([16, 32])("block by block, with a key of %i bytes, repeatedly", (length) => {
    const key = bytes(length);
    const [ours, theirs] = [browser.createBlockCipher(key), node.createBlockCipher(key)];
    for (const blocks of [1, 3, 0, 32]) {
      const text = bytes(16 * blocks);
      expect(plain(ours(text))).toEqual(plain(theirs(text)));
    }
  });

  it.each([16, 32])(
    "GCM with a key of %i bytes: ciphertext and tag, and a changed bit anywhere is refused",
    (length) => {
      for (const size of [0, 1, 16, 243]) {
        const options = { key: bytes(length), iv: bytes(12), associatedData: bytes(17) };
        const text = bytes(size);
        const { ciphertext, tag } = node.encipherGcm(text, options);
        const sealed = browser.encipherGcm(text, options);
        expect([plain(sealed.ciphertext), plain(sealed.tag)]).toEqual([plain(ciphertext), plain(tag)]);
        expect(browser.verifyGcmTag(ciphertext, tag, options)).toBe(true);
        const flipped = (of: Uint8Array) => of.map((byte, i) => (i === of.length - 1 ? byte ^ 1 : byte));
        expect(browser.verifyGcmTag(ciphertext, flipped(tag), options)).toBe(false);
        expect(browser.verifyGcmTag(ciphertext, tag.subarray(0, 8), options)).toBe(false);
        if (size > 0) expect(browser.verifyGcmTag(flipped(ciphertext), tag, options)).toBe(false);
        const other = { ...options, associatedData: flipped(options.associatedData) };
        expect(browser.verifyGcmTag(ciphertext, tag, other)).toBe(false);
      }
    },
  );

  it("CBC without padding, in both directions", () => {
    const [key, iv, text] = [bytes(16), bytes(16), bytes(80)];
    const sealed = node.encipherCbc(text, key, iv);
    expect(plain(browser.encipherCbc(text, key, iv))).toEqual(plain(sealed));
    expect(plain(browser.decipherCbc(sealed, key, iv))).toEqual(plain(text));
  });
});
