/** Integrations outside Home Assistant's default set: installs their libraries and sets them up through their dialogs. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { HomeAssistant } from "./home-assistant.ts";

const run = promisify(execFile);
const HOME = process.env.KAIFA_HA_HOME ?? "/var/lib/kaifa-homeassistant";
const INSTALL_MS = 5 * 60_000;

/** Prints the PyPI requirements of these integrations and their dependencies, from their manifests. */
const REQUIREMENTS = `
import json, sys
from pathlib import Path
import homeassistant
components = Path(homeassistant.__file__).parent / "components"
todo, seen, found = set(sys.argv[1:]), set(), set()
while todo:
    domain = todo.pop()
    seen.add(domain)
    manifest = json.loads((components / domain / "manifest.json").read_text())
    found |= set(manifest.get("requirements", []))
    todo |= set(manifest.get("dependencies", [])) - seen
print(Path(homeassistant.__file__).parent / "package_constraints.txt", *sorted(found))
`;

/** Runs a command in Home Assistant's environment (shared/homeassistant/ha gives it its own folder). */
async function inside(root: string, ...command: string[]): Promise<string> {
  const script = `cd / && mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"`;
  const env = Object.entries(process.env).filter(([name]) => /^(PIP_(?!FIND_LINKS)|SSL_CERT_|.*_proxy$)/i.test(name));
  const settings = ["HOME=/tmp", "PATH=/opt/homeassistant/bin:/usr/bin:/bin", ...env.map((pair) => pair.join("="))];
  const args = ["--mount", "--propagation", "private", "sh", "-c", script, root, "env", "-i", ...settings, ...command];
  const { stdout } = await run("unshare", args, { timeout: INSTALL_MS, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** Installs the libraries of these integrations once (half a minute); Home Assistant must already be installed. */
export async function installIntegrations(...domains: string[]): Promise<void> {
  for (const folder of readdirSync(HOME).filter((name) => /^root-[\d.]+$/.test(name))) {
    const root = join(HOME, folder);
    const stamp = join(root, `.kaifa2mqtt-${domains.join("-")}`);
    if (existsSync(stamp)) continue;
    const [constraints = "", ...requirements] = (await inside(root, "python", "-c", REQUIREMENTS, ...domains)).split(
      /\s+/,
    );
    await inside(
      root,
      "pip",
      "install",
      "--quiet",
      "--no-cache-dir",
      "--constraint",
      constraints,
      ...requirements.filter(Boolean),
    );
    writeFileSync(stamp, requirements.join("\n"));
  }
}

interface Step {
  readonly flow_id: string;
  readonly type: string;
  readonly step_id?: string;
  readonly errors?: Readonly<Record<string, string>> | null;
  readonly result?: { readonly entry_id: string };
  readonly reason?: string;
}

/**
 * Adds an integration through the steps of its dialog.
 * @param inputs the input for each step
 * @returns the id of the configuration entry
 */
export async function addIntegration(
  home: HomeAssistant,
  handler: string,
  inputs: readonly Readonly<Record<string, unknown>>[],
): Promise<string> {
  const post = async (path: string, body: unknown): Promise<Step> => {
    const answer = await fetch(`${home.url}/api/config/config_entries/flow${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${home.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${handler}: HTTP ${answer.status} ${text}`);
    return JSON.parse(text) as Step;
  };
  let step = await post("", { handler, show_advanced_options: false });
  for (const input of inputs) step = await post(`/${step.flow_id}`, input);
  if (step.type !== "create_entry" || step.result === undefined) {
    throw new Error(`${handler}: no entry, but ${JSON.stringify(step)}`);
  }
  return step.result.entry_id;
}
