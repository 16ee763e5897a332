// Every option of the program that is not set in docker-compose.yml, as a variable that is taken from `.env`: Compose hands
// on only what it is told to. A test fails when one is missing.
import { readFileSync, writeFileSync } from "node:fs";
import { bundled } from "./bundled.mjs";

const MARK = "      # All others are taken from `.env`, if they stand there.\n";
const FILE = "docker-compose.yml";
/** The image's own affair. */
const NOT_IN_CONTAINER = "KAIFA2MQTT_DATA_DIR";

const { OPTIONS, environmentName } = await bundled("src/config/option-list.ts");
const [head, rest] = readFileSync(FILE, "utf8").split(MARK);
if (rest === undefined) throw new Error(`${FILE} has lost its line "${MARK.trim()}"`);
const tail = rest.replace(/^( {6}KAIFA2MQTT_\w+:\n)*/, "");
const names = OPTIONS.map(environmentName).filter((name) => name !== NOT_IN_CONTAINER && !head.includes(`${name}:`));
writeFileSync(FILE, `${head}${MARK}${names.map((name) => `      ${name}:\n`).join("")}${tail}`);
