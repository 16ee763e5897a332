/**
 * Bit-level simulation of a line whose receiver is set to another parity. Start bit 0, eight data bits, parity bit if any,
 * stop bit 1; bytes follow each other without gaps, as sent by a meter.
 */
export type Parity = "none" | "even" | "odd";

/**
 * Behaviour of a receiver if the stop bit is 0 (a framing error); adapters differ: they drop the byte, deliver it, or
 * deliver it and take the 0 for the next start bit.
 */
export type OnFramingError = "drop" | "deliver" | "resync";

export function heardAs(bytes: Uint8Array, sent: Parity, expected: Parity, onFramingError: OnFramingError): Uint8Array {
  if (sent === expected) return bytes;
  const line: number[] = [1];
  for (const byte of bytes) {
    const ones = byte.toString(2).replaceAll("0", "").length;
    line.push(0);
    for (let bit = 0; bit < 8; bit++) line.push((byte >> bit) & 1);
    if (sent !== "none") line.push(sent === "even" ? ones & 1 : 1 - (ones & 1));
    line.push(1);
  }
  line.push(1, 1);
  const heard: number[] = [];
  for (let at = 0; at < line.length - 9; ) {
    if (line[at] !== 0) {
      at++;
      continue;
    }
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte |= (line[at + 1 + bit] ?? 1) << bit;
    const stopAt = at + 9 + (expected === "none" ? 0 : 1);
    const framed = (line[stopAt] ?? 1) === 1;
    // The parity bit itself is not checked: serialport opens without INPCK.
    if (framed || onFramingError !== "drop") heard.push(byte);
    at = stopAt + (framed || onFramingError !== "resync" ? 1 : 0);
  }
  return Uint8Array.from(heard);
}
