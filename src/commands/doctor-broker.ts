/** The broker check of `doctor`: tests the broker as `run` would use it, while doctor listens to the meter. */

import { ConfigError } from "../config/config-error.ts";
import { underSupervisor } from "../config/derive-defaults.ts";
import { askForBroker } from "../config/supervisor.ts";
import { type BrokerFinding, checkBroker } from "../sinks/mqtt/connection/broker-check.ts";
import type { Broker } from "../sinks/mqtt/connection/client-options.ts";
import type { CommandContext } from "./command.ts";
import { readSettings } from "./settings.ts";

/** The result of the broker check. */
export interface BrokerReport {
  /** Whether the configuration names it: nothing listening at the default is not a fault. */
  readonly named: boolean;
  readonly findings: readonly BrokerFinding[];
}

/** `null` if there is nothing to test: no configuration, or MQTT is disabled. Never rejects. */
export async function examineBroker(context: CommandContext, port: string | undefined): Promise<BrokerReport | null> {
  const flags = port === undefined ? [] : [{ path: ["meters", 0, "port"], value: port, flag: "--port" }];
  try {
    const { config, origins } = await readSettings(context, flags);
    if (!config.mqtt.enabled) return null;
    const token = context.env.SUPERVISOR_TOKEN;
    const broker: Broker | null =
      config.mqtt.server?.[0] !== undefined
        ? { server: config.mqtt.server[0] }
        : token !== undefined && underSupervisor(context.env)
          ? await askForBroker(token)
          : null;
    if (broker === null) return null;
    if (broker.password !== undefined) context.hide(broker.password);
    const { mqtt, homeassistant } = config;
    const findings = await checkBroker({ mqtt, broker, homeassistant, signal: context.signal });
    return { named: [...origins.keys()].some((path) => path.startsWith("mqtt.server")), findings };
  } catch (error) {
    // A wrong or missing configuration is reported by the meter check.
    if (error instanceof ConfigError) return null;
    const text = error instanceof Error ? error.message : String(error);
    return { named: true, findings: [{ step: "login", ok: false, text, cure: "" }] };
  }
}

/** Whether the bridge could publish, if the user wants that. */
export function isBrokerWell(report: BrokerReport | null): boolean {
  return report === null || !report.named || report.findings.every(({ ok }) => ok);
}

/** One line if all is well, else what is wrong and what to do. */
export function brokerLines(report: BrokerReport | null): string[] {
  if (report === null || report.findings.length === 0) return [];
  const wrong = report.findings.filter(({ ok }) => !ok);
  if (wrong.length === 0) {
    const steps = report.findings.map(({ step }) => step).join(", ");
    return [`broker   ${report.findings[0]?.text} All well: ${steps}.`];
  }
  return wrong.flatMap(({ text, cure }) => [
    `broker   ${text}${report.named ? "" : " (mqtt.server is not set; this is the default)"}`,
    ...(cure === "" ? [] : [`do       ${cure}`]),
  ]);
}
