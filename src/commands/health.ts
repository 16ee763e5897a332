/** `kaifa2mqtt health`: asks the running bridge how it is; Docker's HEALTHCHECK. Exit code 0, or 1 and a line that says why. */
import { underSupervisor } from "../config/load.ts";
import { askHealth } from "../health.ts";
import type { CommandContext } from "./command.ts";
import { readSettings } from "./settings.ts";

export async function command(context: CommandContext): Promise<number> {
  const { config } = await readSettings(context);
  const health = await askHealth(config.data_dir);
  if (health === null) {
    context.stdout.write(`unhealthy: no bridge is running with the data folder ${config.data_dir}\n`);
    return 1;
  }
  if (health.healthy) {
    context.stdout.write("healthy\n");
    return 0;
  }
  if (underSupervisor(context.env)) {
    // Its watchdog restarts an unhealthy add-on, which helps nobody whose meter is unplugged: that we answer is enough.
    context.stdout.write(`running, but ${health.reasons.join("; ")}\n`);
    return 0;
  }
  context.stdout.write(`unhealthy: ${health.reasons.join("; ")}\n`);
  return 1;
}
