// The add-on's form, from the table of options (src/config/options.ts): what stands below the mark in
// hassio-addon/config.yaml, and hassio-addon/translations/. A test fails when the files differ from what this makes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { stringify } from "yaml";

const MARK = "# From here on made from src/config/options.ts by `npm run docs`.\n";

const folder = mkdtempSync(join(tmpdir(), "addon-form-"));
try {
  const outfile = join(folder, "form.mjs");
  await build({ entryPoints: ["src/config/addon-options.ts"], bundle: true, platform: "node", format: "esm", outfile });
  const { formDefaults, formSchema, formTranslations } = await import(pathToFileURL(outfile).href);
  const yaml = (value) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
  const config = readFileSync("hassio-addon/config.yaml", "utf8");
  const [head] = config.split(MARK);
  writeFileSync("hassio-addon/config.yaml", `${head}${MARK}${yaml({ options: formDefaults(), schema: formSchema() })}`);
  for (const language of ["en", "de"]) {
    const note = "# Made from src/config/options.ts by `npm run docs`.\n";
    const text = `${note}${yaml({ configuration: formTranslations(language) })}`;
    writeFileSync(`hassio-addon/translations/${language}.yaml`, text);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
