/** Letters that Unicode NFKD doesn't decompose into a base letter and a mark. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  ø: "o",
  đ: "d",
  ł: "l",
  œ: "oe",
  þ: "th",
  ð: "d",
};

/** Converts a name the way Home Assistant does for entity ids: `Zähler im Keller` → `zahler_im_keller`. */
export function slugify(name: string): string {
  return plainLetters(name.toLowerCase())
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
}

/** Avoids Unicode's tables, which few names need and which take 2 MB of memory once used. */
function plainLetters(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text
    .normalize("NFKD")
    .replace(/[^\p{ASCII}]/gu, (character) => LETTERS[character] ?? (/\p{M}/u.test(character) ? "" : "_"));
}
