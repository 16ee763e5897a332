/**
 * AES primitives. This is the only codec file that imports a Node module; a browser build replaces it with a file that
 * has the same exports. Everything here is synchronous.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

/** Length of the GCM tag in bytes, the same for every DLMS security suite. */
const TAG_LENGTH = 12;

/**
 * Enciphers 16-byte blocks independently (ECB), without padding.
 * @returns a new buffer of the same length
 */
export type BlockCipher = (blocks: Uint8Array) => Uint8Array;

/** @param key 16 or 32 bytes */
export function createBlockCipher(key: Uint8Array): BlockCipher {
  const aes = createCipheriv(key.length === 32 ? "aes-256-ecb" : "aes-128-ecb", key, null);
  aes.setAutoPadding(false);
  return (blocks) => aes.update(blocks);
}

/** Parameters of AES-GCM. */
export interface GcmOptions {
  /** 16 or 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly iv: Uint8Array;
  readonly associatedData: Uint8Array;
}

/** Whether the 12-byte tag matches the ciphertext and the associated data. */
export function verifyGcmTag(ciphertext: Uint8Array, tag: Uint8Array, options: GcmOptions): boolean {
  const { key, iv, associatedData } = options;
  const gcm = createDecipheriv(key.length === 32 ? "aes-256-gcm" : "aes-128-gcm", key, iv, {
    authTagLength: TAG_LENGTH,
  });
  gcm.setAAD(associatedData);
  gcm.setAuthTag(tag);
  gcm.update(ciphertext);
  try {
    gcm.final();
    return true;
  } catch {
    return false;
  }
}

/** @returns the ciphertext and the 12-byte tag */
export function encipherGcm(
  plaintext: Uint8Array,
  { key, iv, associatedData }: GcmOptions,
): { readonly ciphertext: Uint8Array; readonly tag: Uint8Array } {
  const gcm = createCipheriv(key.length === 32 ? "aes-256-gcm" : "aes-128-gcm", key, iv, { authTagLength: TAG_LENGTH });
  gcm.setAAD(associatedData);
  const ciphertext = gcm.update(plaintext);
  gcm.final();
  return { ciphertext, tag: gcm.getAuthTag() };
}

/**
 * Deciphers AES-128-CBC without padding.
 * @param blocks a multiple of 16 bytes
 * @param iv 16 bytes
 */
export function decipherCbc(blocks: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  return createDecipheriv("aes-128-cbc", key, iv).setAutoPadding(false).update(blocks);
}

/** The inverse of `decipherCbc`. */
export function encipherCbc(blocks: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  return createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false).update(blocks);
}
