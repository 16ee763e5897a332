// Generates the app's form from the table of options (src/config/options.ts), and its ports (src/config/addon-ports.ts): the
// part of hassio-addon/config.yaml below the mark, and hassio-addon/translations/. A test fails if the files are out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { bundled } from "./bundled.mjs";

const MARK = "# Generated from src/config/options.ts by `npm run docs`.\n";

const { formDefaults, formSchema, formTranslations } = await bundled("src/config/addon-options.ts");
const { formPorts, portDescriptions } = await bundled("src/config/addon-ports.ts");
const yaml = (value) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
const config = readFileSync("hassio-addon/config.yaml", "utf8");
const [head] = config.split(MARK);
const made = {
  ports: formPorts(),
  ports_description: portDescriptions("en"),
  options: formDefaults(),
  schema: formSchema(),
};
writeFileSync("hassio-addon/config.yaml", `${head}${MARK}${yaml(made)}`);
for (const language of ["en", "de"]) {
  const note = "# Made from src/config/options.ts by `npm run docs`.\n";
  writeFileSync(
    `hassio-addon/translations/${language}.yaml`,
    `${note}${yaml({ configuration: formTranslations(language), network: portDescriptions(language) })}`,
  );
}
