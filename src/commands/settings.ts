/** How commands read the configuration: with the global flags, telling warnings, hiding secrets. */
import { type Loaded, loadConfig } from "../config/load.ts";
import type { CommandContext } from "./command.ts";

/** Options of the command line that stand above all layers. */
type Flags = NonNullable<Parameters<typeof loadConfig>[0]["flags"]>;

/**
 * Reads the configuration as `run` does: `--config`, `--log-level`, environment; secrets become known to `main.ts`.
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
