/** Reads a small text file, or returns the reason as a configuration fault. */
import { existsSync, readFileSync } from "node:fs";
import { printable } from "../log/printable.ts";
import { mask } from "../log/redact.ts";
import type { ConfigFault } from "./config-error.ts";

/** Larger than any real configuration: 10,000 meters need 2 MB. */
export const MAX_BYTES = 5_000_000;

const READ_FAULTS: Readonly<Record<string, { found: string; allowed: string }>> = {
  ENOENT: { found: "no such file", allowed: "a file that exists (check the name for typos)" },
  EACCES: { found: "a file that this user may not read", allowed: "a file that the user of kaifa2mqtt may read" },
  EISDIR: {
    found: "a folder",
    allowed: "a file (Docker creates a folder if the file to mount does not exist; create the file first)",
  },
};

/**
 * @param label the file's name in messages, or the variable that names it
 * @param path of the option, empty for a whole document
 */
export function readText(file: string, label: string, path: string): { text: string } | { fault: ConfigFault } {
  const fault = (found: string, allowed: string) => ({ fault: { file: label, line: null, path, found, allowed } });
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_BYTES) return fault(`${bytes.length} bytes`, `a file of at most ${MAX_BYTES} bytes`);
    return { text: bytes.toString("utf8").replace(/^\uFEFF/, "") };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const known = READ_FAULTS[code];
    return known === undefined
      ? fault(`a file that cannot be read (${code})`, "a readable file")
      : fault(known.found, known.allowed);
  }
}

/** A file's name in messages: as typed. A path that does not exist is masked, since it may be a misplaced key or password. */
export function fileLabel(file: string, typed: string): string {
  return existsSync(file) ? printable(typed) : mask(typed);
}
