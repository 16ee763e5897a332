/** The hardware number that an emulated device needs: it stands where a MAC address would. */
import { createHash } from "node:crypto";

/** 12 lower-case hex digits, always the same for a meter; marked as locally administered, so that it is no real MAC address. */
export function deviceId(meterId: string): string {
  const digest = createHash("sha256").update(`kaifa2mqtt ${meterId}`).digest();
  digest[0] = ((digest[0] ?? 0) & 0xfc) | 0x02;
  return digest.toString("hex", 0, 6);
}
