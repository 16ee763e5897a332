/** Loads the configuration for a command: applies global flags, reports warnings, registers secrets. */
import { type Loaded, loadConfig } from "../config/load.ts";
import type { CommandContext } from "./command.ts";

/** Command-line options, which override all layers. */
type Flags = NonNullable<Parameters<typeof loadConfig>[0]["flags"]>;

/**
 * Reads the configuration as `run` does: `--config`, `--log-level`, environment; registers the secrets with the program.
 * @throws ConfigError with every fault
 */
export async function readSettings(context: CommandContext, flags: Flags = []): Promise<Loaded> {
  const { options, env, cwd } = context;
  const { config: file, logLevel } = options;
  const level = logLevel === undefined ? [] : [{ path: ["log", "level"], value: logLevel, flag: "--log-level" }];
  const loaded = await loadConfig({ file, env, cwd, flags: [...level, ...flags] });
  for (const secret of loaded.secrets) context.hide(secret);
  return loaded;
}
