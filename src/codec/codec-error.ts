/**
 * The one error class of the codec. Framers skip, the steps after them throw it, and only the decoder catches it and
 * turns it into a `fault` event.
 */

/**
 * What is wrong with a telegram, in the words of the contract (product.md, `decode --json`):
 * - `checksum`: the sum (M-Bus), HCS or FCS (HDLC) or CRC (P1) does not fit its bytes
 * - `framing`: bytes that are no frame, a frame cut short, two length fields that differ, a missing stop byte
 * - `segmentation`: a segment or block is missing, doubled or out of order
 * - `key-missing`: the telegram is ciphered and no encryption key is known
 * - `key-wrong`: deciphering gives no data-notification: the key is not that of this meter
 * - `authentication`: an authentication key is known, and the telegram carries no GCM tag that it verifies: no tag at
 *   all (`untagged`), a wrong authentication key, or changed bytes
 * - `malformed`: the APDU or its A-XDR content breaks the rules
 * - `unsupported`: well formed, but of a kind or layout that is not known here
 */
export type CodecErrorCode =
  | "checksum"
  | "framing"
  | "segmentation"
  | "key-missing"
  | "key-wrong"
  | "authentication"
  | "malformed"
  | "unsupported";

/** A telegram that cannot be decoded. The message names field, offset, expected and found; it never holds a key. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  readonly code: CodecErrorCode;
  /** With `authentication`: the telegram carries no tag at all. */
  readonly untagged: boolean;
  constructor(code: CodecErrorCode, message: string, options?: ErrorOptions & { readonly untagged?: boolean }) {
    super(message, options);
    this.code = code;
    this.untagged = options?.untagged ?? false;
  }
}
