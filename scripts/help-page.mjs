// Converts docs/troubleshooting.md to a page served by the bridge. Supports only what that document uses: headings with an
// anchor, paragraphs, lists, code, emphasis; links become text, because their targets are not served.

const escapeHtml = (text) =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

function inline(text) {
  return escapeHtml(text)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>")
    .replace(/(^|\W)_([^_]+)_(?=\W|$)/g, "$1<em>$2</em>")
    .replace(/\[([^\]]+)\]\([^)]+\)/g, "$1");
}

/**
 * @param {string} markdown
 * @param {"en" | "de"} language
 * @returns {string} a complete HTML page
 */
export function helpPage(markdown, language) {
  const blocks = markdown.trim().split(/\n{2,}/);
  let title = "kaifa2mqtt";
  const html = blocks.map((block) => {
    const heading = /^(#{1,2}) (?:<a id="([a-z-]+)"><\/a>)?(.+)$/.exec(block);
    if (heading !== null) {
      const [, marks = "", id, text = ""] = heading;
      if (marks.length === 1) title = text;
      return `<h${marks.length}${id === undefined ? "" : ` id="${id}"`}>${inline(text)}</h${marks.length}>`;
    }
    const joined = block.replace(/\n\s+/g, " ");
    if (!joined.startsWith("- ")) return `<p>${inline(joined.replaceAll("\n", " "))}</p>`;
    return `<ul>${joined
      .split("\n")
      .map((item) => `<li>${inline(item.slice(2))}</li>`)
      .join("")}</ul>`;
  });
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8" />`,
    '<meta name="viewport" content="width=device-width, initial-scale=1" />',
    `<title>${escapeHtml(title)} – kaifa2mqtt</title>`,
    '<link rel="icon" href="icon.svg" type="image/svg+xml" /><link rel="stylesheet" href="page.css" /></head>',
    `<body><main class="help">${html.join("\n")}</main></body></html>\n`,
  ].join("\n");
}
