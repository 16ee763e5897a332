/** Debian's Chromium with a temporary home, removed after the test. */
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
  // A short name, because the path of Chromium's socket is limited to 107 characters.
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
