/** AES for the browser, in place of codec/aes.ts when the decode page is built: the same exports, by @noble/ciphers. */
import { cbc, ecb, gcm } from "@noble/ciphers/aes.js";
import type { BlockCipher, GcmOptions } from "../codec/aes.ts";

/** Length of the GCM tag of every DLMS security suite, bytes. The library's 16-byte tags are truncated to it. */
const TAG_LENGTH = 12;
const FULL_TAG_LENGTH = 16;

/** As in codec/aes.ts. */
export function createBlockCipher(key: Uint8Array): BlockCipher {
  const owned = key.slice();
  // Its cipher objects take one message each.
  return (blocks) => (blocks.length === 0 ? blocks.slice() : ecb(owned, { disablePadding: true }).encrypt(blocks));
}

/** As in codec/aes.ts. */
export function verifyGcmTag(ciphertext: Uint8Array, tag: Uint8Array, options: GcmOptions): boolean {
  // The library verifies full-length tags only. GCM encrypts by XOR with a key stream: encrypting zeros yields that
  // stream and with it the plaintext; encrypting the plaintext yields the tag.
  const stream = encipherGcm(new Uint8Array(ciphertext.length), options).ciphertext;
  const plaintext = ciphertext.map((byte, i) => byte ^ (stream[i] as number));
  const expected = encipherGcm(plaintext, options).tag;
  return tag.length === TAG_LENGTH && expected.every((byte, i) => byte === tag[i]);
}

/** As in codec/aes.ts. */
export function encipherGcm(
  plaintext: Uint8Array,
  { key, iv, associatedData }: GcmOptions,
): { readonly ciphertext: Uint8Array; readonly tag: Uint8Array } {
  const sealed = gcm(key, iv, associatedData).encrypt(plaintext);
  const tagAt = sealed.length - FULL_TAG_LENGTH;
  return { ciphertext: sealed.slice(0, tagAt), tag: sealed.slice(tagAt, tagAt + TAG_LENGTH) };
}

/** As in codec/aes.ts. */
export function decipherCbc(blocks: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  return cbc(key, iv, { disablePadding: true }).decrypt(blocks);
}

/** As in codec/aes.ts. */
export function encipherCbc(blocks: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  return cbc(key, iv, { disablePadding: true }).encrypt(blocks);
}
