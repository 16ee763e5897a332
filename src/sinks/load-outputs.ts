/** Creates the configured outputs without loading the code of the others. */
import type { OutputsConfig } from "../config/options.ts";
import type { ComponentLog } from "../log/component-log.ts";
import type { Output, OutputOptions, OutputParts } from "./output/output.ts";

/** @param logOf the log of one output: `p1`, or `p1 127.0.0.1:2000` if there are several */
export async function loadOutputs(
  config: OutputsConfig,
  parts: Omit<OutputParts, "log">,
  logOf: (component: string) => ComponentLog,
): Promise<Output[]> {
  const outputs: Output[] = [];
  const add = async <Options extends OutputOptions & { readonly port?: string | undefined }>(
    name: string,
    sections: readonly Options[],
    load: () => Promise<(options: Options, parts: OutputParts) => Output>,
  ): Promise<void> => {
    const on = sections.filter(({ listen, port }) => listen !== undefined || port !== undefined);
    for (const options of on) {
      const make = await load();
      const component = on.length === 1 ? name : `${name} ${options.listen ?? options.port}`;
      outputs.push(make(options, { ...parts, log: logOf(component) }));
    }
  };
  await add("p1", config.p1, async () => {
    const { P1Output } = await import("./p1/p1-output.ts");
    return (options, own) => new P1Output(options, own);
  });
  await add("homewizard", config.homewizard, async () => {
    const { HomewizardOutput } = await import("./homewizard/homewizard-output.ts");
    return (options, own) => new HomewizardOutput({ ...options, listen: options.listen ?? "" }, own);
  });
  await add("sunspec", config.sunspec, async () => {
    const { SunspecOutput } = await import("./sunspec/sunspec-output.ts");
    return (options, own) => new SunspecOutput({ ...options, listen: options.listen ?? "" }, own);
  });
  await add("shelly", config.shelly, async () => {
    const { ShellyOutput } = await import("./shelly/shelly-output.ts");
    return (options, own) => new ShellyOutput({ ...options, listen: options.listen ?? "" }, own);
  });
  return outputs;
}
