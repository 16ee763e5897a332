/** `kaifa2mqtt health`: queries the health of the running bridge, for Docker's HEALTHCHECK. Exit code 0, or 1 and the reason. */

import { ConfigError } from "../config/config-error.ts";
import { defaultDataDir, underSupervisor } from "../config/derive-defaults.ts";
import { askHealth, type Health } from "../process/health.ts";
import type { CommandContext } from "./command.ts";
import { readSettings } from "./settings.ts";

const MOST_WAIT_MS = 60_000;
const ASK_AGAIN_MS = 500;

export async function command(context: CommandContext): Promise<number> {
  const dataDir = await dataDirOf(context);
  const health = context.options.wait === true ? await decided(dataDir, context.signal) : await askHealth(dataDir);
  if (health === null) {
    context.stdout.write(`unhealthy: no bridge is running with the data folder ${dataDir}\n`);
    return 1;
  }
  if (health.healthy) {
    context.stdout.write("healthy\n");
    return 0;
  }
  if (underSupervisor(context.env)) {
    // The Supervisor's watchdog restarts an unhealthy app, which does not help if the meter is unplugged: report only liveness.
    context.stdout.write(`running, but ${health.reasons.join("; ")}\n`);
    return 0;
  }
  context.stdout.write(`unhealthy: ${health.reasons.join("; ")}\n`);
  return 1;
}

/** `--wait`: Docker's first check comes before the first telegram, so wait for one, a minute at most. */
async function decided(dataDir: string, signal: AbortSignal): Promise<Health | null> {
  for (const end = performance.now() + MOST_WAIT_MS; ; ) {
    const health = await askHealth(dataDir);
    if (health?.pending !== true || performance.now() > end || signal.aborted) return health;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** The folder of the bridge's socket. A broken configuration does not count as unhealthy: it may have been edited since. */
async function dataDirOf(context: CommandContext): Promise<string> {
  try {
    return (await readSettings(context)).config.data_dir;
  } catch (error) {
    if (!(error instanceof ConfigError) || context.options.config !== undefined) throw error;
    return context.env.KAIFA2MQTT_DATA_DIR || defaultDataDir(context.env);
  }
}
