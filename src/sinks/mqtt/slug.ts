/** Letters that do not come apart into a base letter and a mark (Unicode NFKD leaves them whole). */
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

/** A name as Home Assistant writes it in entity ids: `Zähler im Keller` → `zahler_im_keller`. */
export function slugify(name: string): string {
  return plainLetters(name.toLowerCase())
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
}

/** Few names need Unicode's tables, which take 2 MB of memory once they have been used. */
function plainLetters(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text
    .normalize("NFKD")
    .replace(/[^\p{ASCII}]/gu, (character) => LETTERS[character] ?? (/\p{M}/u.test(character) ? "" : "_"));
}
