/**
 * `kaifa2mqtt forget ID`: removes a former meter from the broker (states, discovery) and from `data_dir` (baseline,
 * invocation counter, ledger). If it ever returns, it is treated as a new meter.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { forgetMeter } from "../acceptance/state-file.ts";
import { ConfigError } from "../config/config-error.ts";
import { underSupervisor } from "../config/derive-defaults.ts";
import type { Config } from "../config/options.ts";
import { askForBroker } from "../config/supervisor.ts";
import { ledgerFolder } from "../ledger/ledger-files.ts";
import { askHealth } from "../process/health.ts";
import { type Broker, withoutLogin } from "../sinks/mqtt/connection/client-options.ts";
import { connectOnce } from "../sinks/mqtt/connection/connect-once.ts";
import { describeConnectionError } from "../sinks/mqtt/connection/connection-errors.ts";
import { forgetRetained, MAX_TOPICS } from "../sinks/mqtt/discovery/forget.ts";
import { readHistory, removeFromHistory } from "../sinks/mqtt/discovery/publication-history.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { readSettings } from "./settings.ts";

/** Exit code 1 if the meter is in use, or not everything could be removed. */
export async function command(context: CommandContext): Promise<number> {
  const { args, stdout, stderr } = context;
  const [id = ""] = args;
  if (!/^(?!bridge$)[A-Za-z0-9_-]{1,64}$/.test(id)) {
    throw new UsageError("forget needs the meter's id, as in its topics: letters, digits, _ and -");
  }
  const config = await settings(context);
  const running = (await askHealth(config.data_dir)) !== null;
  if (running && config.meters.some((meter) => meter.id === id)) {
    stderr.write(
      `error: ${id} is configured and the bridge is running: remove it from the configuration, or stop the bridge\n`,
    );
    return 1;
  }
  // Read the list of published topics before deleting it.
  const { bases, prefixes } = readHistory(config.data_dir, (message) => stderr.write(`warning: ${message}\n`));
  const local = forgetLocally(config.data_dir, id);
  for (const what of local) stdout.write(`removed from ${config.data_dir}: ${what}\n`);
  let failed = false;
  if (config.mqtt.enabled) {
    const broker = await brokerOf(context, config);
    if (broker === null) {
      stderr.write("error: Home Assistant names no broker: nothing was removed there\n");
      return 1;
    }
    try {
      const client = await connectOnce({ mqtt: config.mqtt, broker, signal: context.signal });
      try {
        const first = (one: string, others: readonly string[]) => [...new Set([one, ...others])];
        const cleared = await forgetRetained(
          client,
          first(config.mqtt.base_topic, bases),
          first(config.homeassistant.discovery_topic, prefixes),
          id,
        );
        stdout.write(
          `removed from the broker at ${withoutLogin(broker.server)}: ${cleared.length} retained messages\n`,
        );
        if (cleared.length >= MAX_TOPICS) {
          stderr.write(`note: at most ${MAX_TOPICS} messages are removed at a time: call it again for the others\n`);
        }
      } finally {
        await client.endAsync(false).catch(() => undefined);
      }
    } catch (error) {
      stderr.write(`error: ${describeConnectionError(error, withoutLogin(broker.server)).text}\n`);
      failed = true;
    }
  }
  if (running) stderr.write("note: the bridge is running: restart it so that it forgets the meter, too\n");
  return failed ? 1 : 0;
}

/** @returns what was removed */
function forgetLocally(dataDir: string, id: string): string[] {
  const removed: string[] = [];
  if (forgetMeter(dataDir, id) > 0) removed.push("baseline and invocation counter");
  if (removeFromHistory(dataDir, id)) removed.push("list of published topics");
  const folder = join(ledgerFolder(dataDir), id);
  if (existsSync(folder)) {
    rmSync(folder, { recursive: true });
    removed.push("ledger of quarter hours");
  }
  return removed;
}

/** The configuration; it need not have a meter. */
async function settings(context: CommandContext): Promise<Config> {
  try {
    return (await readSettings(context)).config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const port = { path: ["meters", 0, "port"], value: "file:none", flag: "forget" };
    return (await readSettings(context, [port])).config;
  }
}

async function brokerOf({ env }: CommandContext, { mqtt }: Config): Promise<Broker | null> {
  const first = mqtt.server?.[0];
  if (first !== undefined) return { server: first, user: mqtt.user, password: mqtt.password };
  const token = env.SUPERVISOR_TOKEN;
  return token !== undefined && underSupervisor(env) ? askForBroker(token) : null;
}
