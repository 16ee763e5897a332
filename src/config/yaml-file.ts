/** Reads a YAML (or JSON) file into a tree of texts with line numbers; looks up `!secret name` in secrets.yaml in the same folder. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import { echoName, mask } from "../log/redact.ts";
import type { ConfigFault } from "./config-error.ts";
import { emptyMap, joinPath, type Origin, type Raw, type RawMap } from "./raw.ts";
import { readText } from "./read-text.ts";

/** Names, values and sections together: 10,000 meters need 100,000. A YAML alias must not multiply them. */
export const MAX_NODES = 200_000;
/** Limits aliases that contain themselves. */
export const MAX_DEPTH = 20;

export interface ParsedFile {
  /** The document; empty if it could not be read. */
  readonly root: RawMap;
  readonly faults: ConfigFault[];
  /** Other files that secrets were read from. */
  readonly secretFiles: string[];
  /** Whether a limit was reached, so that options that seem missing may follow after it. */
  readonly cut: boolean;
}

/**
 * @param file its path
 * @param label its name in messages
 */
export function parseYamlFile(file: string, label: string): ParsedFile {
  const read = readText(file, label, "");
  if ("fault" in read) return { root: emptyMap(), faults: [read.fault], secretFiles: [], cut: false };
  return parseYaml(read.text, label, dirname(file));
}

/** @param folder to search for secrets.yaml; `null`: none */
export function parseYaml(text: string, label: string, folder: string | null): ParsedFile {
  const lines = new LineCounter();
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, {
      schema: "failsafe",
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
  } catch (error) {
    // The library parses recursively: thousands of brackets overflow its stack.
    if (!(error instanceof RangeError)) throw error;
    const fault = { file: label, line: null, path: "", found: "sections nested without end" };
    return {
      root: emptyMap(),
      faults: [{ ...fault, allowed: `${MAX_DEPTH} levels at most` }],
      secretFiles: [],
      cut: true,
    };
  }
  if (document.errors.length > 0) {
    const all = document.errors.map((error) => ({
      file: label,
      line: lines.linePos(error.pos[0]).line,
      path: "",
      ...syntaxFault(error.code, text, error.pos[0]),
    }));
    // The library reports one tab several times, along with its consequences.
    const tab = all.find(({ found }) => found === TAB);
    const faults = tab === undefined ? all : [tab];
    return { root: emptyMap(), faults, secretFiles: [], cut: false };
  }
  const reader = new Reader(document, lines, label, folder);
  const origin: Origin = { layer: "file", file: label, line: 1 };
  const node = document.contents === null ? null : reader.read(document.contents as Node, "");
  const { faults, secretFiles, cut } = reader;
  if (node === null || (node.kind === "scalar" && node.text === "")) {
    return { root: emptyMap("", origin), faults, secretFiles, cut };
  }
  if (node.kind !== "map") {
    faults.push({
      file: label,
      line: node.origin.line,
      path: "",
      found: node.kind === "list" ? "a list" : "a text",
      allowed: "sections such as `meter:` and `mqtt:`",
    });
    return { root: emptyMap("", origin), faults, secretFiles, cut };
  }
  return { root: node, faults, secretFiles, cut };
}

/** An option's name as shown in a path. */
function pathSegment(name: string): string {
  return echoName(name, true) === `\`${name}\`` ? name : "***";
}

const TAB = "a tab in the indentation";

/** The library's error codes in plain words. The text itself is not shown: it could be a secret. */
function syntaxFault(code: string, text: string, offset: number): { found: string; allowed: string } {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const lineEnd = text.indexOf("\n", offset);
  const line = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd);
  if (code === "TAB_AS_INDENT" || /^ *\t/.test(line)) {
    return { found: TAB, allowed: "blanks for indentation" };
  }
  if (code === "MULTIPLE_DOCS") return { found: "a second document after ---", allowed: "one document" };
  if (code === "BAD_INDENT" || code === "BLOCK_AS_IMPLICIT_KEY" || code === "MULTILINE_IMPLICIT_KEY") {
    return {
      found: "a line that does not fit the indentation or the colons around it",
      allowed: "`name: value`, with the names of one section below each other; texts with `: ` in quotes",
    };
  }
  if (code === "MISSING_CHAR") {
    return { found: "a quote, bracket or colon that is missing", allowed: "`name: value`, quotes and brackets closed" };
  }
  return { found: `something that is not YAML (${code})`, allowed: "YAML: `name: value`, sections indented" };
}

class Reader {
  readonly faults: ConfigFault[] = [];
  readonly secretFiles: string[] = [];
  cut = false;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #label: string;
  readonly #folder: string | null;
  #secrets: RawMap | null = null;
  #nodes = 0;
  #depth = 0;

  constructor(document: Document, lines: LineCounter, label: string, folder: string | null) {
    this.#document = document;
    this.#lines = lines;
    this.#label = label;
    this.#folder = folder;
  }

  /** @param line of the name, for a value without a position of its own */
  read(given: Node, path: string, line?: number): Raw {
    const node = isAlias(given) ? given.resolve(this.#document) : given;
    const start = given.range?.[0];
    const origin = this.#origin(start === undefined ? (line ?? 1) : this.#lines.linePos(start).line);
    const empty: Raw = { kind: "scalar", text: "", origin, path };
    if (this.cut) return empty;
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) {
      const found = `more than ${MAX_NODES} values and sections (those that an alias repeats count each time)`;
      return this.#stop(origin, empty, found, `a file of at most ${MAX_NODES} values and sections`);
    }
    if (this.#depth >= MAX_DEPTH) {
      return this.#stop(origin, empty, "sections nested without end", `${MAX_DEPTH} levels at most`);
    }
    this.#depth += 1;
    try {
      return this.#readNode(node, path, origin, empty);
    } finally {
      this.#depth -= 1;
    }
  }

  #readNode(node: Node | undefined, path: string, origin: Origin, empty: Raw): Raw {
    if (node === undefined) {
      const found = "a word that begins with * and is no anchor of this file";
      this.#fault(origin.line, path, found, "texts that begin with *, & or ! in quotes");
      return empty;
    }
    if (isMap(node)) {
      const entries = new Map<string, Raw>();
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value ?? "") : "";
        const at = isScalar(key) && key.range ? this.#lines.linePos(key.range[0]).line : (origin.line ?? 1);
        const child = joinPath(path, pathSegment(name));
        const before = entries.get(name);
        if (before !== undefined) {
          const found = `${echoName(name, true)} a second time (first in line ${before.origin.line})`;
          this.#fault(at, child, found, "each name once in a section");
        }
        const raw = value === null ? null : this.read(value as Node, child, at);
        // A scalar is reported at its own line, a section at the line of its name.
        const placed = this.#origin(at);
        if (raw === null) entries.set(name, { kind: "scalar", text: "", origin: placed, path: child });
        else entries.set(name, raw.kind === "scalar" ? raw : { ...raw, origin: placed });
      }
      return { kind: "map", entries, origin, path };
    }
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.read(item as Node, joinPath(path, index), origin.line ?? 1));
      return { kind: "list", items, origin, path };
    }
    if (!isScalar(node)) return empty;
    const text = String(node.value ?? "");
    if (node.tag !== undefined && node.tag !== "!secret" && !node.tag.startsWith("tag:yaml.org,2002:")) {
      this.#fault(
        origin.line,
        path,
        "a word that begins with !",
        "!secret, or texts that begin with *, & or ! in quotes",
      );
      return empty;
    }
    if (node.tag === "!secret") return this.#secret(text, origin, path);
    if (node.type === Scalar.PLAIN && /^(?:~|null)$/i.test(text)) return empty;
    return { kind: "scalar", text, origin, path };
  }

  /** Reports that a limit was reached and stops reading. */
  #stop(origin: Origin, empty: Raw, found: string, allowed: string): Raw {
    this.#fault(origin.line, "", found, allowed);
    this.cut = true;
    return empty;
  }

  #origin(line: number): Origin {
    return { layer: "file", file: this.#label, line };
  }

  #fault(line: number | null, path: string, found: string, allowed: string): void {
    this.faults.push({ file: this.#label, line, path, found, allowed });
  }

  /** Resolves `!secret`, as in Home Assistant's own files. */
  #secret(name: string, origin: Origin, path: string): Raw {
    const empty: Raw = { kind: "scalar", text: "", origin, path };
    const secretsFile = join(dirname(this.#label), "secrets.yaml");
    if (this.#secrets === null) {
      this.#secrets = emptyMap();
      const file = this.#folder === null ? null : join(this.#folder, "secrets.yaml");
      if (file !== null && existsSync(file)) {
        const read = readText(file, secretsFile, "");
        // No folder: secrets.yaml cannot contain `!secret` itself.
        const parsed =
          "fault" in read ? { root: emptyMap(), faults: [read.fault] } : parseYaml(read.text, secretsFile, null);
        this.#secrets = parsed.root;
        this.faults.push(...parsed.faults);
        this.secretFiles.push(file);
      }
    }
    const found = this.#secrets.entries.get(name);
    if (found?.kind === "scalar" && found.text !== "") return { ...found, path, hidden: true };
    const echoed = echoName(name);
    const shown = echoed === `\`${name}\`` ? name : `with ${echoed}`;
    const why =
      this.secretFiles.length === 0 ? `and there is no ${basename(secretsFile)}` : `which ${secretsFile} does not have`;
    this.#fault(
      origin.line,
      path,
      `!secret ${shown}, ${why}`,
      `${shown === name ? `\`${name}: value\`` : "`name: value`"} in ${mask(secretsFile)}`,
    );
    return empty;
  }
}
