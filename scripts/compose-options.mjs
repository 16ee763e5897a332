// Lists every option that docker-compose.yml does not set as a variable taken from `.env`: Compose passes
// only listed variables. A test fails if one is missing.
import { readFileSync, writeFileSync } from "node:fs";
import { bundled } from "./bundled.mjs";

const MARK = "      # All others are taken from `.env`, if set there.\n";
const FILE = "docker-compose.yml";
/** Set by the image. */
const NOT_IN_CONTAINER = "KAIFA2MQTT_DATA_DIR";

const { OPTIONS, environmentName } = await bundled("src/config/option-list.ts");
const [head, rest] = readFileSync(FILE, "utf8").split(MARK);
if (rest === undefined) throw new Error(`${FILE} has lost its line "${MARK.trim()}"`);
const tail = rest.replace(/^( {6}KAIFA2MQTT_\w+:\n)*/, "");
const names = OPTIONS.map(environmentName).filter((name) => name !== NOT_IN_CONTAINER && !head.includes(`${name}:`));
writeFileSync(FILE, `${head}${MARK}${names.map((name) => `      ${name}:\n`).join("")}${tail}`);
