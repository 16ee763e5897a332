// Generates files from the table of options (src/config/options.ts): docs/kaifa2mqtt.schema.json, docs/kaifa2mqtt.example.yaml and
// the tables in docs/configuration*.md; then the app's form and the variables in docker-compose.yml. Tests fail if the
// files are out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { bundled } from "./bundled.mjs";

const { exampleYaml, jsonSchema, withReference } = await bundled("src/config/describe.ts");
writeFileSync("docs/kaifa2mqtt.schema.json", `${JSON.stringify(jsonSchema(), null, 2)}\n`);
writeFileSync("docs/kaifa2mqtt.example.yaml", exampleYaml());
for (const [file, language] of [
  ["docs/configuration.md", "en"],
  ["docs/configuration.de.md", "de"],
]) {
  writeFileSync(file, withReference(readFileSync(file, "utf8"), language));
}
await import("./addon-form.mjs");
await import("./compose-options.mjs");
