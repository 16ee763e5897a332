/**
 * Captured bytes in a file: the bytes as they are, or as hex text. One format for what is recorded, replayed, attached
 * to a report and loaded by a test: hex digits in any grouping, `#` begins a comment.
 *
 *     # Kaifa MA309, Netz NÖ
 *     68FAFA68 53FF000167 DB08 …
 */

/** What `parseCapture` looks at to tell text from bytes. */
const SAMPLE_BYTES = 4096;

/** Whether these bytes are hex text: only characters that such a text can hold, and digits among them. */
export function isHexText(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.subarray(0, SAMPLE_BYTES))
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "");
  const code = text.replace(/#[^\r\n]*/g, "");
  return /[0-9a-f]{2}/i.test(code) && /^(?:[0-9a-f]|0x|[\s,:;-])*$/i.test(code);
}

/** The captured bytes. A last half byte is dropped. */
export function parseCapture(bytes: Uint8Array): Uint8Array {
  if (!isHexText(bytes)) return bytes;
  const text = Buffer.from(bytes).toString("latin1");
  return Buffer.from(
    text
      .replace(/#[^\r\n]*/g, "")
      .replace(/0x/gi, "")
      .replace(/[^0-9a-f]/gi, ""),
    "hex",
  );
}
