/**
 * The error class of the codec. Scanners do not throw; the later stages throw it, and only the decoder catches it and
 * emits a `fault` event.
 */

/**
 * What is wrong with a telegram; the codes are part of the public contract (product.md, `decode --json`):
 * - `checksum`: wrong checksum (M-Bus), HCS or FCS (HDLC) or CRC (P1)
 * - `framing`: invalid or truncated frame, differing length fields, missing stop byte
 * - `segmentation`: a segment or block is missing, duplicated or out of order
 * - `key-missing`: the telegram is ciphered and no encryption key is configured
 * - `key-wrong`: the deciphered data is not a telegram, so the key is not this meter's key
 * - `authentication`: an authentication key is configured and the GCM tag cannot be verified with it: there is no tag
 *   (`untagged`), the authentication key is wrong, or the data was modified
 * - `malformed`: the APDU or its A-XDR content is invalid
 * - `unsupported`: valid, but of an unknown type or layout
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

/** Decoding failed. The message gives field, offset, expected and actual value; it never contains a key. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  readonly code: CodecErrorCode;
  /** With `authentication`: the telegram has no tag at all. */
  readonly untagged: boolean;
  constructor(code: CodecErrorCode, message: string, options?: ErrorOptions & { readonly untagged?: boolean }) {
    super(message, options);
    this.code = code;
    this.untagged = options?.untagged ?? false;
  }
}
