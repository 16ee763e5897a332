/** What an authentication key demands of every telegram, whatever it is made of. */
import { CodecError } from "../codec-error.ts";
import type { Telegram } from "../telegram.ts";
import type { Keys } from "./ciphering.ts";

/**
 * With an authentication key nothing is believed that carries no verified tag: the header with the security control byte
 * is plain, so whoever reaches the line could leave the tag away, or the ciphering altogether.
 * @throws CodecError `authentication`; `key-missing` where there is a tag that the encryption key would verify
 */
export function requireTag({ proof, security }: Telegram, { key, authenticationKey }: Keys): void {
  if (authenticationKey === undefined || proof === "tag") return;
  if (security.startsWith("authenticated") && key === undefined) {
    throw new CodecError("key-missing", "the authentication tag cannot be verified without the encryption key");
  }
  const what = security === "none" ? "the telegram is not encrypted and carries" : "the telegram carries";
  throw new CodecError(
    "authentication",
    `${what} no authentication tag, which is required because an authentication key is configured`,
    { untagged: true },
  );
}
