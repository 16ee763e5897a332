/** Text from outside (a telegram, a file name, what a user typed) made safe for a terminal and for one line of a log. */

/**
 * Characters that steer a terminal or reorder, hide or break a line: controls, formatting characters (U+202E reverses the
 * rest of the line, U+200B is invisible), line and paragraph separators (U+2028, U+2029), lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Escapes every unsafe character: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Likewise, but line feeds and tabs stay: for texts of several lines. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === "\n" || character === "\t" ? character : escapeCharacter(character),
  );
}

/** A JSON document with its unsafe characters as `\uXXXX`, which any JSON parser reads as the characters they stand for. */
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
