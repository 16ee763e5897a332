import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
}, 60_000);
afterAll(() => program?.remove());

/** The files of the build that these modules need at once: with all that they import, but not what they load later. */
function filesOf(modules: readonly string[]): Set<string> {
  const folder = dirname(program.main);
  const names = readdirSync(folder);
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, imported = ""] of readFileSync(join(folder, name), "utf8").matchAll(
      /(?:from|import)"\.\/([^"]+\.js)"/g,
    )) {
      add(imported);
    }
  };
  for (const module of modules) {
    const built = names.find(
      (name) => name === `${module}.js` || new RegExp(`^${module}-[A-Z0-9]{8}\\.js$`).test(name),
    );
    if (built === undefined) throw new Error(`no file for ${module}`);
    add(built);
  }
  return found;
}

describe("the built program", () => {
  it("starts the bridge from few files, each of which would delay it", () => {
    // Without scripts/few-files.mjs, over 40.
    const files = filesOf(["main", "program", "run", "mqtt-sink", "client", "serial-binding"]);
    expect(files.size).toBeLessThan(30);
    expect(files.size).toBeGreaterThan(7);
  });

  it("does not load the bridge for the health check, which runs every ten seconds", () => {
    const run = filesOf(["run"]);
    const health = filesOf(["main", "program", "health"]);
    expect(health.size).toBeLessThan(20);
    const bridge = [...run].filter((file) =>
      /new Bridge\(/.test(readFileSync(join(dirname(program.main), file), "utf8")),
    );
    expect(bridge).not.toEqual([]);
    for (const file of bridge) expect(health).not.toContain(file);
  });
});
