/** Enforces the authentication tag on every telegram once an authentication key is configured. */
import { CodecError } from "../codec-error.ts";
import type { Telegram } from "../telegram.ts";
import type { Keys } from "./ciphering.ts";

/**
 * If an authentication key is configured, rejects every telegram without a verified tag. The security control byte is
 * not encrypted, so anyone with access to the line could otherwise strip the tag or send plaintext.
 * @throws CodecError `authentication`; `key-missing` if there is a tag but no encryption key to verify it with
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
