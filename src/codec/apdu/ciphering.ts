/**
 * general-glo-ciphering and general-ded-ciphering (Green Book, 9.2.7 and 9.5):
 *
 *     DB | 08 | system title (8) | BER length n | security control | invocation counter (4) | ciphertext | tag (12)?
 *
 * AES-GCM; the initialisation vector is system title || invocation counter, the tag has 96 bits. Without a tag, this is
 * plain counter mode starting with counter 2.
 */
import { encipherGcm, verifyGcmTag } from "../aes.ts";
import { encodeBerLength } from "../axdr/ber-length.ts";
import { ByteReader } from "../axdr/byte-reader.ts";
import { CodecError } from "../codec-error.ts";
import { CounterMode } from "./counter-mode.ts";

export const GENERAL_GLO_CIPHERING = 0xdb;
export const GENERAL_DED_CIPHERING = 0xdc;

/** Bits of the security control byte; the low nibble is the security suite (0, 1: AES-128, 2: AES-256). */
const SECURITY_CONTROL = { authentication: 0x10, encryption: 0x20, broadcast: 0x40, compression: 0x80 } as const;

/** Length of the GCM tag in bytes, the same for every security suite. */
const TAG_LENGTH = 12;
/** Length of system title and invocation counter in bytes. */
const IV_LENGTH = 12;
/** Length of security control and invocation counter in bytes. */
const HEADER_LENGTH = 5;
const NOTHING = new Uint8Array(0);

/** Parsed header of a ciphered APDU; positions are relative to the start of the APDU. */
export interface CipheredApdu {
  readonly apdu: Uint8Array;
  /** Position of the 8-byte system title; -1 if its length is 0. */
  readonly titleAt: number;
  readonly securityControl: number;
  readonly invocationCounter: number;
  readonly contentAt: number;
  /** One past the content: the start of the tag, if there is one. */
  readonly contentEnd: number;
}

/** Parses the general-ciphering header. @throws CodecError `malformed` if a length does not match */
export function decodeGeneralCiphering(apdu: Uint8Array): CipheredApdu {
  const reader = new ByteReader(apdu);
  reader.u8("APDU tag");
  const titleLength = reader.u8("system title length");
  if (titleLength !== 8 && titleLength !== 0) {
    throw new CodecError("malformed", `system title length: expected 8, found ${titleLength}`);
  }
  const titleAt = titleLength === 0 ? -1 : reader.skip(titleLength, "system title");
  const length = reader.berLength("length of the ciphered service");
  if (length !== reader.end - reader.pos) {
    const left = reader.end - reader.pos;
    throw new CodecError("malformed", `length of the ciphered service: ${length} announced, ${left} bytes present`);
  }
  const securityControl = reader.u8("security control");
  const invocationCounter = reader.u32("invocation counter");
  let contentEnd = reader.end;
  if (securityControl & SECURITY_CONTROL.authentication) {
    reader.need(TAG_LENGTH, "authentication tag");
    contentEnd -= TAG_LENGTH;
  }
  return { apdu, titleAt, securityControl, invocationCounter, contentAt: reader.pos, contentEnd };
}

/** System title || invocation counter of the current telegram. */
const IV = new Uint8Array(IV_LENGTH);

/** The keys of one meter. */
export interface Keys {
  readonly key?: Uint8Array | undefined;
  readonly authenticationKey?: Uint8Array | undefined;
}

/** Keys and reusable cipher state for many telegrams. */
export class PreparedKeys {
  readonly key: Uint8Array | undefined;
  readonly authenticationKey: Uint8Array | undefined;
  /** `undefined` if there is no key or its length matches no suite. */
  readonly counterMode: CounterMode | undefined;

  constructor({ key, authenticationKey }: Keys) {
    this.key = key;
    this.authenticationKey = authenticationKey;
    this.counterMode = key?.length === 16 || key?.length === 32 ? new CounterMode(key) : undefined;
  }
}

/**
 * Deciphers the content. The tag is verified if the authentication key is known and ignored otherwise, because many grid
 * operators provide only the encryption key. For content without a tag `verified` is `false`; the caller decides whether
 * to accept it. The plaintext is valid until the next call, with whatever keys.
 * @param looksRight distinguishes plaintext from noise
 * @throws CodecError `key-missing`; `key-wrong` if the plaintext is noise; `authentication` if it is not but the tag is
 *   wrong; `unsupported` for an empty system title, compression or an unknown suite
 */
export function decipher(
  message: CipheredApdu,
  keys: Keys | PreparedKeys,
  looksRight: (plaintext: Uint8Array) => boolean,
): { readonly plaintext: Uint8Array; readonly verified: boolean } {
  const { apdu, titleAt, securityControl, contentAt, contentEnd } = message;
  const prepared = keys instanceof PreparedKeys ? keys : new PreparedKeys(keys);
  const { key, authenticationKey, counterMode } = prepared;
  const suite = securityControl & 0x0f;
  if (suite > 2) throw new CodecError("unsupported", `security suite ${suite} is not defined (0, 1 and 2 are)`);
  if (securityControl & SECURITY_CONTROL.compression) throw new CodecError("unsupported", "the APDU is compressed");
  const encrypted = (securityControl & SECURITY_CONTROL.encryption) !== 0;
  const authenticated = (securityControl & SECURITY_CONTROL.authentication) !== 0;
  const verifying = authenticated && authenticationKey !== undefined;
  if (!encrypted && !(verifying && key)) return { plaintext: apdu.subarray(contentAt, contentEnd), verified: false };
  if (titleAt < 0) {
    throw new CodecError("unsupported", "the system title is empty, so the initialisation vector is unknown");
  }
  if (!key) throw new CodecError("key-missing", "the telegram is encrypted, but no key is configured");
  const keyLength = suite === 2 ? 32 : 16;
  if (key.length !== keyLength || !counterMode) {
    throw new CodecError("key-wrong", `security suite ${suite} needs a key of ${keyLength} bytes, not ${key.length}`);
  }
  for (let i = 0; i < 8; i++) IV[i] = apdu[titleAt + i] as number;
  for (let i = 0; i < 4; i++) IV[8 + i] = apdu[contentAt - 4 + i] as number;
  let plaintext: Uint8Array;
  if (encrypted) {
    plaintext = counterMode.apply(IV, apdu, contentAt, contentEnd);
    if (!looksRight(plaintext)) {
      if (securityControl & SECURITY_CONTROL.broadcast) {
        throw new CodecError(
          "unsupported",
          "the telegram is ciphered with the broadcast key, which is not the configured one",
        );
      }
      throw new CodecError("key-wrong", "deciphering yields no telegram: the key is not this meter's");
    }
  } else {
    plaintext = apdu.subarray(contentAt, contentEnd);
  }
  if (verifying) verifyTag(message, IV, key, authenticationKey, encrypted);
  return { plaintext, verified: verifying };
}

function verifyTag(
  { apdu, securityControl, contentAt, contentEnd }: CipheredApdu,
  iv: Uint8Array,
  key: Uint8Array,
  authenticationKey: Uint8Array,
  encrypted: boolean,
): void {
  const content = apdu.subarray(contentAt, contentEnd);
  const ciphertext = encrypted ? content : NOTHING;
  const options = {
    key,
    iv,
    associatedData: associatedData(securityControl, authenticationKey, encrypted ? undefined : content),
  };
  if (verifyGcmTag(ciphertext, apdu.subarray(contentEnd, contentEnd + TAG_LENGTH), options)) return;
  throw new CodecError(
    "authentication",
    "the authentication tag does not match: the authentication key is not this meter's, or bytes were modified",
  );
}

/** security control || authentication key, followed by the content if it is authenticated but not encrypted. */
function associatedData(securityControl: number, authenticationKey: Uint8Array, content?: Uint8Array): Uint8Array {
  const data = new Uint8Array(1 + authenticationKey.length + (content?.length ?? 0));
  data[0] = securityControl;
  data.set(authenticationKey, 1);
  if (content) data.set(content, 1 + authenticationKey.length);
  return data;
}

/** Options for `encodeGeneralCiphering`. */
export interface CipheringOptions {
  readonly key: Uint8Array;
  /** Required if `securityControl` has the authentication bit set. */
  readonly authenticationKey?: Uint8Array | undefined;
  /** 8 bytes. */
  readonly systemTitle: Uint8Array;
  readonly invocationCounter: number;
  /** Default 0x20: encrypted, suite 0. */
  readonly securityControl?: number | undefined;
  /** 0xDB (global key, the default) or 0xDC (dedicated key). */
  readonly tag?: number | undefined;
}

/** @throws RangeError if the system title or key has the wrong length, or the authentication key is missing */
export function encodeGeneralCiphering(plaintext: Uint8Array, options: CipheringOptions): Uint8Array {
  const { key, authenticationKey, systemTitle, invocationCounter } = options;
  const { securityControl = SECURITY_CONTROL.encryption, tag = GENERAL_GLO_CIPHERING } = options;
  if (systemTitle.length !== 8) throw new RangeError("a system title has 8 bytes");
  const keyLength = (securityControl & 0x0f) === 2 ? 32 : 16;
  if (key.length !== keyLength) throw new RangeError(`the security suite needs a key of ${keyLength} bytes`);
  const header = new Uint8Array(HEADER_LENGTH);
  header[0] = securityControl;
  new DataView(header.buffer).setUint32(1, invocationCounter);
  const iv = new Uint8Array(12);
  iv.set(systemTitle);
  iv.set(header.subarray(1), 8);
  const encrypted = (securityControl & SECURITY_CONTROL.encryption) !== 0;
  const authenticated = (securityControl & SECURITY_CONTROL.authentication) !== 0;
  if (authenticated && !authenticationKey) throw new RangeError("authentication needs an authentication key");
  const additional =
    authenticationKey && authenticated
      ? associatedData(securityControl, authenticationKey, encrypted ? undefined : plaintext)
      : NOTHING;
  const ciphered = encipherGcm(encrypted ? plaintext : NOTHING, { key, iv, associatedData: additional });
  const content = encrypted ? ciphered.ciphertext : plaintext;
  const end = authenticated ? ciphered.tag : NOTHING;
  const length = encodeBerLength(header.length + content.length + end.length);
  return Uint8Array.from([tag, 8, ...systemTitle, ...length, ...header, ...content, ...end]);
}

/** Maps the security control byte to `Security`. */
export function securityOf(
  securityControl: number,
): "none" | "encrypted" | "authenticated" | "authenticated+encrypted" {
  const encrypted = (securityControl & SECURITY_CONTROL.encryption) !== 0;
  if (securityControl & SECURITY_CONTROL.authentication) return encrypted ? "authenticated+encrypted" : "authenticated";
  return encrypted ? "encrypted" : "none";
}
