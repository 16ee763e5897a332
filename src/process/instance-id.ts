/** Id of this installation, stored in the data folder so that it survives restarts and updates. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const FORM = /^[0-9a-f]{12}$/;

/**
 * Twelve hex digits; the default client id is derived from them. If they can't be stored, they are a hash of host name
 * and folder, so they stay the same as long as those do.
 */
export function instanceId(dataDir: string): string {
  const file = join(dataDir, "instance");
  try {
    const known = readFileSync(file, "utf8").trim();
    if (FORM.test(known)) return known;
  } catch {
    // Missing or not readable: see below.
  }
  const fresh = randomBytes(6).toString("hex");
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, `${fresh}\n`);
    return fresh;
  } catch {
    return createHash("sha256").update(`${hostname()}\n${dataDir}`).digest("hex").slice(0, 12);
  }
}
