/** Debian's Chromium, with a home of its own: what it writes for a user goes there, and away with the test. */
import { type Browser, chromium } from "playwright-core";
import { temporaryFolder } from "./temporary-folder.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Needs `apt-get install chromium`. */
export function openBrowser(): Promise<Browser> {
  // A short name: the path of Chromium's socket in it may have 107 characters.
  const home = temporaryFolder("c-");
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: FLAGS,
    env: { ...definedVariables(), HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, TMPDIR: home },
  });
}

function definedVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
