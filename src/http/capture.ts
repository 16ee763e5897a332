/**
 * Captures to attach to an issue: hex with comments, as `kaifa2mqtt decode` and `file:` read it.
 *
 * The plain capture holds the bytes as received, noise included. For the anonymous one every intact telegram is decrypted,
 * meter numbers and system title are replaced, and it is encrypted again with a random key that is written into the
 * file: it decodes to the same readings without revealing whose they are. Telegrams that cannot be decrypted keep their
 * ciphertext; damaged ones are left out.
 */
import { randomBytes } from "node:crypto";
import { decipher, decodeGeneralCiphering, encodeGeneralCiphering, type Keys } from "../codec/apdu/ciphering.ts";
import { DATA_NOTIFICATION, decodeDataNotification } from "../codec/apdu/data-notification.ts";
import { decodeAxdr } from "../codec/axdr/axdr.ts";
import { type AxdrNode, isContainer, isString, TAG } from "../codec/axdr/axdr-node.ts";
import { ByteReader } from "../codec/axdr/byte-reader.ts";
import { formatHex } from "../codec/hex.ts";
import { dissect, joinSlices, replaceApdu, withCheckSums } from "../codec/inspect/dissect.ts";
import { CI_RECORDS } from "../codec/link/mbus-assembler.ts";
import { recipherRecords } from "../codec/records/long-header.ts";
import type { RawChunk, Recorded } from "./recorder.ts";

/** The header of a capture. */
export interface CaptureFacts {
  readonly version: string;
  readonly port: string;
  readonly now: Date;
}

/** @param chunks oldest first */
export function plainCapture(chunks: readonly RawChunk[], about: CaptureFacts): string {
  const lines = [
    `# Capture by kaifa2mqtt ${about.version}, ${about.now.toISOString()}, port ${about.port}`,
    "# The bytes as received. They contain the meter number, and anyone who has the key can read them.",
  ];
  if (chunks.length === 0) lines.push("# Nothing has arrived yet.");
  for (const { at, bytes } of chunks) lines.push("", `# ${new Date(at).toISOString()}`, ...hexLines(bytes));
  return `${lines.join("\n")}\n`;
}

/** @param recorded newest first */
export function anonymousCapture(recorded: readonly Recorded[], keys: Keys, about: CaptureFacts): string {
  const key = randomBytes(16);
  const authenticationKey = randomBytes(16);
  const lines = [
    `# Capture by kaifa2mqtt ${about.version}, ${about.now.toISOString()}`,
    "# Anonymous: meter numbers and system title are replaced. Readings and times are unchanged.",
    "# Encrypted again with keys made up for this capture:",
    `# key ${formatHex(key)}`,
    // With an authentication key, only telegrams with a tag are accepted.
    ...(recorded.every(({ wire }) => isTagged(wire)) ? [`# authentication key ${formatHex(authenticationKey)}`] : []),
  ];
  if (recorded.length === 0) lines.push("# No telegram has arrived yet.");
  for (const entry of [...recorded].reverse()) {
    const wire = anonymise(entry, keys, { key, authenticationKey });
    const what = `# ${new Date(entry.at).toISOString()} ${entry.outcome}`;
    if (wire === null) lines.push("", `${what}: ${entry.bytes} damaged bytes are left out`);
    else lines.push("", what, ...hexLines(wire));
  }
  return `${lines.join("\n")}\n`;
}

/** Whether the telegram carries an authentication tag. */
function isTagged(wire: Uint8Array): boolean {
  try {
    const apdu = joinSlices(wire, dissect(wire).slices);
    return (decodeGeneralCiphering(apdu).securityControl & 0x10) !== 0;
  } catch {
    return false;
  }
}

type NewKeys = Required<{ [Name in keyof Keys]: Uint8Array }>;

/** The telegram without identifiers, with valid checksums; `null` if it cannot be dissected. */
function anonymise({ wire, outcome }: Recorded, keys: Keys, newKeys: NewKeys): Uint8Array | null {
  if (["checksum", "framing", "segmentation", "malformed"].includes(outcome)) return null;
  try {
    const dissection = dissect(wire);
    if (dissection.slices.length === 0) return anonymousP1(wire);
    if (dissection.spans.some(({ kind }) => kind === "unknown")) return null;
    const apdu = joinSlices(wire, dissection.slices);
    // M-Bus records of an AMIS do not contain the meter number.
    if (apdu[0] === CI_RECORDS) return replaceApdu(wire, dissection, recipherRecords(apdu, keys.key, newKeys.key));
    const ciphered = apdu[0] === 0xdb || apdu[0] === 0xdc;
    return replaceApdu(wire, dissection, ciphered ? anonymousCiphered(apdu, keys, newKeys) : anonymousPlain(apdu));
  } catch {
    return null;
  }
}

function anonymousCiphered(apdu: Uint8Array, keys: Keys, newKeys: NewKeys): Uint8Array {
  const message = decodeGeneralCiphering(apdu);
  const { titleAt, contentAt, securityControl, invocationCounter } = message;
  const copy = apdu.slice();
  if (titleAt < 0) return copy;
  const systemTitle = apdu.slice(titleAt, titleAt + 8).fill(0, 3);
  copy.set(systemTitle, titleAt);
  const plaintext = readable(() => decipher(message, { key: keys.key }, beginsWell).plaintext);
  if (plaintext === null) return copy;
  const again = encodeGeneralCiphering(anonymousPlain(plaintext), {
    ...newKeys,
    systemTitle,
    invocationCounter,
    securityControl,
  });
  // The length before it may have been encoded differently; content and tag keep their length.
  copy.set(again.subarray(again.length - (apdu.length - contentAt)), contentAt);
  return copy;
}

function beginsWell(plaintext: Uint8Array): boolean {
  return plaintext[0] === DATA_NOTIFICATION || plaintext[0] === 0x2f;
}

/** Replaces the numbers in a data-notification, a bare body or a P1 text. @throws CodecError if it is neither */
function anonymousPlain(apdu: Uint8Array): Uint8Array {
  if (apdu[0] === 0x2f) return anonymousP1(apdu);
  const copy = apdu.slice();
  const visit = (node: AxdrNode, from: number): void => {
    if (isContainer(node)) for (const item of node.items) visit(item, from);
    else if (isString(node)) blankNumber(copy, from + node.start, from + node.end);
  };
  if (apdu[0] === TAG.array || apdu[0] === TAG.structure) {
    visit(decodeAxdr(new ByteReader(apdu)), 0);
    return copy;
  }
  // One frame may carry several notifications.
  for (let at = 0; at < apdu.length; ) {
    const { body, end } = decodeDataNotification(apdu.subarray(at));
    visit(body, at);
    at += end;
  }
  return copy;
}

/**
 * Blanks a text that may be a meter number: at least five digits, or non-text bytes. OBIS codes (6
 * bytes), dates (12, 5, 4) and names like `KFM_001` stay.
 */
function blankNumber(bytes: Uint8Array, start: number, end: number): void {
  const text = bytes.subarray(start, end);
  if (text.length < 5) return;
  const printable = text.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (!printable) {
    if (text.length !== 6 && text.length !== 12 && text.length !== 5) text.fill(0);
    return;
  }
  const digits = text.filter(isDigit).length;
  if (digits < 5) return;
  for (let i = 0; i < text.length; i++) if (isDigit(text[i] as number)) text[i] = 0x30;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** A P1 text with zeros for identifiers and messages (0-n:96.1.x, 96.13.x, 42.0.0), and a checksum of the same kind. */
function anonymousP1(wire: Uint8Array): Uint8Array {
  const copy = new Uint8Array(wire);
  const { spans, seals } = dissect(wire);
  for (const { kind, start, end, label } of spans) {
    if (kind !== "register" || !/^\d+-\d+:(?:96\.(?:1|13)|42\.0)\./.test(label)) continue;
    const from = wire.indexOf(0x28, start) + 1;
    for (let i = from; i < end; i++) if (/[0-9A-Za-z]/.test(String.fromCharCode(wire[i] as number))) copy[i] = 0x30;
  }
  return withCheckSums(copy, seals);
}

function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    const part = formatHex(bytes, at, Math.min(at + 32, bytes.length));
    lines.push(part.replace(/..(?=.)/g, "$& "));
  }
  return lines;
}
