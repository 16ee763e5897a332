/** Set-up shared by the system tests of all outputs: the built program, the Python clients, and clean-up after each test. */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { OutputBridge } from "./output-bridge.ts";
import { type BuiltProgram, buildProgram, type Outcome, run } from "./program.ts";
import { PythonClient, pythonWithClients } from "./python-clients.ts";

export interface OutputTests {
  /** Starts the bridge, with an accepted reading. @param outputs the section `outputs:`, indented by two */
  bridge(outputs: string, more?: string, meterTime?: number): Promise<OutputBridge>;
  /** Runs a command of the program until it exits, with a bridge's configuration. */
  run(bridge: OutputBridge, ...args: readonly string[]): Promise<Outcome>;
  /** Starts a script of test/clients. */
  client(script: string, ...args: readonly string[]): Promise<PythonClient>;
}

/** Call at the top of a test file; stops bridge and clients after each test. */
export function outputTests(): OutputTests {
  const started: OutputBridge[] = [];
  const clients: PythonClient[] = [];
  let program: BuiltProgram;

  beforeAll(async () => {
    program = await buildProgram();
    await pythonWithClients();
  }, 300_000);
  afterAll(() => program?.remove());
  afterEach(async () => {
    for (const client of clients.splice(0)) client.stop();
    for (const bridge of started.splice(0)) await bridge.close();
  });

  return {
    run: (bridge, ...args) => run(program.main, [...args, "--config", join(bridge.process.folder, "kaifa2mqtt.yaml")]),
    async bridge(outputs, more, meterTime) {
      const bridge = await OutputBridge.start(program, outputs, more, meterTime);
      started.push(bridge);
      return bridge;
    },
    async client(script, ...args) {
      const client = await PythonClient.start(script, ...args);
      clients.push(client);
      return client;
    },
  };
}
