/**
 * The language of entity names in the app: Home Assistant's, unless the user has configured one. The app may start before
 * Home Assistant, so the last answer is cached in the data folder.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HomeAssistantConfig } from "./options.ts";
import { askForLanguage, type SupervisorError } from "./supervisor.ts";

type Language = HomeAssistantConfig["language"];

const FILE = "home-assistant-language";

/** Home Assistant's language, and where it comes from. */
export interface FoundLanguage {
  readonly language: Language;
  /** `none`: neither an answer nor a cached one, so English. */
  readonly from: "home-assistant" | "memory" | "none";
}

/**
 * Asks Home Assistant once, through the Supervisor. Falls back to the cached answer, then to English. Never throws.
 * @param dataDir where the answer is cached
 * @param url the Supervisor; for tests
 */
export async function findLanguage(token: string, dataDir: string, url?: string): Promise<FoundLanguage> {
  const file = join(dataDir, FILE);
  try {
    const language = nearest(await askForLanguage(token, url));
    if (language !== remembered(file)) await writeFile(file, `${language}\n`).catch(() => undefined);
    return { language, from: "home-assistant" };
  } catch (error) {
    if ((error as SupervisorError).name !== "SupervisorError") throw error;
    const language = remembered(file);
    return language === null ? { language: "en", from: "none" } : { language, from: "memory" };
  }
}

/** Maps a language tag of Home Assistant (`de`, `de-CH`, `en-GB`, `fr`) to German or English. */
function nearest(tag: string): Language {
  return /^de\b/i.test(tag) ? "de" : "en";
}

function remembered(file: string): Language | null {
  try {
    const text = readFileSync(file, "utf8").trim();
    return text === "de" || text === "en" ? text : null;
  } catch {
    return null;
  }
}
