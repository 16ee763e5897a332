/** The hardware address of an emulated device, in place of its MAC address. */
import { createHash } from "node:crypto";

/** 12 lower-case hex digits derived from the meter's id, with the bit set that marks a locally administered address. */
export function deviceId(meterId: string): string {
  const digest = createHash("sha256").update(`kaifa2mqtt ${meterId}`).digest();
  digest[0] = ((digest[0] ?? 0) & 0xfc) | 0x02;
  return digest.toString("hex", 0, 6);
}
