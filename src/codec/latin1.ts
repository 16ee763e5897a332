/** ISO 8859-1 text (one byte per character) without Node's `Buffer`, because the codec also runs in browsers. */

/** Arguments per call; JavaScript engines limit their number. */
const CHUNK = 4096;

export function latin1Text(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  for (let at = start; at < end; at += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(at + CHUNK, end)) as unknown as number[]);
  }
  return text;
}

/** Takes the low byte of each character. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
