/** A temporary folder with files, the only one searched for a configuration. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../../src/config/config-error.ts";
import { type Loaded, loadConfig } from "../../src/config/load.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export class ConfigFolder {
  readonly path = temporaryFolder("kaifa2mqtt-config-");

  /** Writes a file, by default readable by its owner only. */
  write(name: string, text: string, mode = 0o600): string {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  /** The folder acts as the working directory and as `/`. */
  load(env: Record<string, string> = {}, file?: string): Promise<Loaded> {
    return loadConfig({ env, cwd: this.path, root: this.path, file });
  }

  /** The faults as `place: path`, `found` and `allowed`. */
  async faults(env: Record<string, string> = {}, file?: string) {
    try {
      await this.load(env, file);
    } catch (error) {
      if (error instanceof ConfigError) return error.faults;
      throw error;
    }
    throw new Error("the configuration has no fault");
  }
}

/** Loads one YAML text. */
export function loadYaml(text: string, env: Record<string, string> = {}): Promise<Loaded> {
  const folder = new ConfigFolder();
  folder.write("kaifa2mqtt.yaml", text);
  return folder.load(env);
}

export function faultsOf(text: string, env: Record<string, string> = {}) {
  const folder = new ConfigFolder();
  folder.write("kaifa2mqtt.yaml", text);
  return folder.faults(env);
}
