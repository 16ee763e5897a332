/** Makes external text (a telegram, a file name, user input) safe for a terminal and for a single log line. */

/**
 * Characters that control a terminal, or reorder, hide or break a line: control characters, format characters (U+202E
 * reverses the rest of the line, U+200B is invisible), line and paragraph separators (U+2028, U+2029), lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Escapes every unsafe character: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Same, but keeps line feeds and tabs: for multi-line text. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === "\n" || character === "\t" ? character : escapeCharacter(character),
  );
}

/** A JSON document with unsafe characters escaped as `\uXXXX`; JSON parsers decode them to the original characters. */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
