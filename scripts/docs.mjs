// What is made from the table of options (src/config/options.ts): docs/kaifa2mqtt.schema.json, docs/kaifa2mqtt.example.yaml and
// the tables in docs/configuration*.md; then the add-on's form. A test fails when the files differ from what this makes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const folder = mkdtempSync(join(tmpdir(), "docs-"));
try {
  const outfile = join(folder, "describe.mjs");
  await build({ entryPoints: ["src/config/describe.ts"], bundle: true, platform: "node", format: "esm", outfile });
  const { exampleYaml, jsonSchema, withReference } = await import(pathToFileURL(outfile).href);
  writeFileSync("docs/kaifa2mqtt.schema.json", `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  writeFileSync("docs/kaifa2mqtt.example.yaml", exampleYaml());
  for (const [file, language] of [
    ["docs/configuration.md", "en"],
    ["docs/configuration.de.md", "de"],
  ]) {
    writeFileSync(file, withReference(readFileSync(file, "utf8"), language));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
await import("./addon-form.mjs");
