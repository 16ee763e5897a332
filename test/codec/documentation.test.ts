import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(new URL("../../docs/codec.md", import.meta.url), "utf8");

function block(language: string): string {
  const match = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(page);
  if (!match?.[1]) throw new Error(`docs/codec.md has no ${language} block`);
  return match[1];
}

test("the example in docs/codec.md prints the documented output", async () => {
  const { outputFiles } = await build({
    stdin: { contents: block("ts"), loader: "ts", resolveDir: root },
    alias: { "kaifa2mqtt/codec": fileURLToPath(new URL("../../src/codec/index.ts", import.meta.url)) },
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
  });
  const run = spawnSync(process.execPath, ["--input-type=module", "-"], {
    input: outputFiles[0]?.text ?? "",
    encoding: "utf8",
  });
  expect(run.stderr).toBe("");
  expect(run.stdout).toBe(block("text"));
});

test("docs/codec.md explains every fault code", () => {
  const source = readFileSync(new URL("../../src/codec/codec-error.ts", import.meta.url), "utf8");
  const codes = [...source.matchAll(/^ {2}\| "([a-z-]+)"/gm)].map((match) => match[1]);
  expect(codes.length).toBeGreaterThan(5);
  for (const code of codes) expect(page).toMatch(new RegExp(`^\\| \`${code}\` +\\|`, "m"));
});
