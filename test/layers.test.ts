import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Which folder of src may import which (CONTRIBUTING.md, "Direction of dependencies"). `type` arrows carry types only:
 * they vanish when the program is built.
 */
const ALLOWED: Record<string, { values: string[]; types: string[] }> = {
  codec: { values: [], types: [] },
  meter: { values: ["codec"], types: ["sources", "config", "log.ts"] },
  sources: { values: ["codec", "meter"], types: ["config", "log.ts"] },
  sinks: { values: ["codec", "meter"], types: ["config", "log.ts"] },
  http: { values: ["codec", "meter", "sinks", "version.ts"], types: ["config", "log.ts"] },
  config: { values: ["codec"], types: ["log.ts"] },
};
/** The interface of sources is known to the meter, which retries, with the one error class that it holds. */
const INTERFACES: Record<string, string[]> = { meter: ["sources/source.ts"] };
/** Modules of Node that do I/O; the codec may use none of them. */
const CODEC_BUILTINS = ["node:crypto"];

const root = resolve("src");
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(root, name));
const room = (path: string) => relative(root, path).split("/")[0] ?? "";

function importsOf(file: string): { specifier: string; typeOnly: boolean }[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...found].map((match) => ({ specifier: match[2] ?? match[3] ?? "", typeOnly: match[1] !== undefined }));
}

describe("the folders of src depend on each other in one direction", () => {
  it("reads the imports of every file", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap(importsOf).length).toBeGreaterThan(50);
  });

  it("no import points the wrong way", () => {
    const wrong = files.flatMap((file) => {
      const rule = ALLOWED[room(file)];
      if (!rule) return [];
      return importsOf(file)
        .filter(({ specifier }) => specifier.startsWith("."))
        .map(({ specifier, typeOnly }) => ({
          to: room(resolve(dirname(file), specifier)),
          path: relative(root, resolve(dirname(file), specifier)),
          typeOnly,
          specifier,
        }))
        .filter(({ path }) => !INTERFACES[room(file)]?.includes(path))
        .filter(
          ({ to, typeOnly }) =>
            to !== room(file) && !rule.values.includes(to) && !(typeOnly && rule.types.includes(to)),
        )
        .map(({ specifier }) => `${relative(root, file)} -> ${specifier}`);
    });
    expect(wrong).toEqual([]);
  });

  it("the codec uses nothing but itself and node:crypto", () => {
    const foreign = files
      .filter((file) => room(file) === "codec")
      .flatMap((file) => importsOf(file).map(({ specifier }) => `${relative(root, file)} -> ${specifier}`))
      .filter((arrow) => !arrow.includes("-> .") && !CODEC_BUILTINS.some((name) => arrow.endsWith(name)));
    expect(foreign).toEqual([]);
  });
});
