/** `kaifa2mqtt run`: the bridge, until SIGINT or SIGTERM. A missing device or broker is reported and not fatal. */
import { once } from "node:events";
import { Bridge } from "../bridge.ts";
import { inImage, underSupervisor } from "../config/derive-defaults.ts";
import type { Config } from "../config/options.ts";
import type { FoundLanguage } from "../config/supervisor-language.ts";
import { sourceKind } from "../diagnosis/observer.ts";
import { createLogger, type RootLogger } from "../log/log.ts";
import { LogTail } from "../log/log-tail.ts";
import { RepeatedFaults } from "../log/repeated-faults.ts";
import { adaptToLoad } from "../process/v8-flags.ts";
import type { Broker } from "../sinks/mqtt/connection/client-options.ts";
import { predecessorService } from "../sources/port-users.ts";
import { VERSION } from "../version.ts";
import type { CommandContext } from "./command.ts";
import { readSettings } from "./settings.ts";

/** Exit code 0 when stopped. */
export async function command(context: CommandContext): Promise<number> {
  const { env, signal, stdout } = context;
  const loaded = await readSettings(context);
  const { config, file, warnings, secrets } = loaded;
  adaptToLoad(config.meters.length, hasPolledOutputs(config));
  const supervised = underSupervisor(env);
  const token = env.SUPERVISOR_TOKEN;
  const asksForLanguage = token !== undefined && supervised && !loaded.origins.has("homeassistant.language");
  const found = asksForLanguage ? await languageOfHomeAssistant(token, config.data_dir) : null;
  if (found !== null) config.homeassistant.language = found.language;
  const page = config.http.enabled
    ? { logTail: new LogTail(), settings: (await import("./check.ts")).settingsOf(loaded) }
    : {};
  const log = createLogger({ ...config.log, secrets, stream: stdout, tail: page.logTail });
  log.info(`kaifa2mqtt ${VERSION}, configuration from ${file ?? "the environment"}`);
  for (const warning of warnings) log.warn(warning);
  if (found !== null) log.info(describeLanguage(found));
  const predecessor = config.meters.some(({ port }) => sourceKind(port) === "serial")
    ? await predecessorService()
    : null;
  if (predecessor !== null) {
    log.warn(`${predecessor} is running and may read from the same port: sudo systemctl disable --now ${predecessor}`);
  }
  const bridge = new Bridge({
    config,
    version: VERSION,
    log,
    supervised,
    inContainer: inImage(env),
    deviceOnHost: env.DEVICE_ON_HOST ?? "",
    page,
    ...(token === undefined ? {} : { findBroker: supervisorsBroker(token, log), supervisorToken: token }),
  });
  // An already aborted signal emits no event.
  const stopped = signal.aborted ? Promise.resolve() : once(signal, "abort");
  await bridge.start();
  await stopped;
  log.info("stopping");
  await bridge.stop();
  await log.close();
  return 0;
}

/** Whether any output may be polled, up to hundreds of times a second. P1 only sends. */
function hasPolledOutputs({ outputs: { p1: _, ...polled } }: Config): boolean {
  return Object.values(polled).some((sections) => sections.some(({ listen }) => listen !== undefined));
}

async function languageOfHomeAssistant(token: string, dataDir: string): Promise<FoundLanguage> {
  const { findLanguage } = await import("../config/supervisor-language.ts");
  return findLanguage(token, dataDir);
}

function describeLanguage({ language, from }: FoundLanguage): string {
  const name = language === "de" ? "German" : "English";
  if (from === "none") return "entities are named in English: Home Assistant did not say which language it uses";
  const when = from === "memory" ? "Home Assistant's last known language" : "as Home Assistant is";
  return `entities are named in ${name}, ${when} (homeassistant.language sets another)`;
}

/** Asks the Supervisor for Home Assistant's broker until there is one. */
function supervisorsBroker(token: string, log: RootLogger): (signal: AbortSignal) => Promise<Broker | null> {
  return async (signal) => {
    const { waitForBroker } = await import("../config/supervisor.ts");
    const faults = new RepeatedFaults(log.child({ component: "mqtt" }));
    let last = "";
    const broker = await waitForBroker(token, signal, (error) => {
      last = error.code;
      faults.fault(error.code, error.message);
    });
    if (broker?.password !== undefined) log.hide(broker.password);
    if (last !== "") faults.over(last, "Home Assistant names an MQTT broker");
    return broker;
  };
}
