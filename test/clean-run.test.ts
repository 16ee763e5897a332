import { execFile } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import config from "../vitest.config.ts";
import { temporaryFolder } from "./helpers/temporary-folder.ts";

const VITEST = resolve("node_modules/vitest/vitest.mjs");

/** Runs Vitest on one test with this body, with this repository's global set-up. */
function runWith(body: string): Promise<{ readonly code: unknown; readonly output: string }> {
  const root = temporaryFolder();
  symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  const rule = JSON.stringify(resolve("test/clean-run.ts"));
  writeFileSync(
    join(root, "vitest.config.mjs"),
    `export default { test: { globalSetup: ${rule}, projects: [{ test: { name: "any", include: ["*.test.mjs"] } }] } };\n`,
  );
  writeFileSync(
    join(root, "any.test.mjs"),
    [
      'import { spawn } from "node:child_process";',
      'import { mkdtempSync, rmSync } from "node:fs";',
      'import { tmpdir } from "node:os";',
      'import { join } from "node:path";',
      'import { it } from "vitest";',
      `it("passes", () => { ${body} });\n`,
    ].join("\n"),
  );
  return new Promise((done) => {
    execFile(process.execPath, [VITEST, "run", "--project", "any"], { cwd: root }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

it("every project uses it", () => {
  expect(config.test?.globalSetup).toBe("test/clean-run.ts");
});

it("a run that leaves a folder behind fails, even if each test passes", async () => {
  const { code, output } = await runWith('mkdtempSync(join(tmpdir(), "left-"));');
  expect(output).toMatch(/1 passed/);
  expect(output).toMatch(/the tests left behind in \S*\/kaifa-tests-\w+: left-/);
  expect(code).toBe(1);
});

it.runIf(existsSync("/proc"))("a run that leaves a process behind fails, and the process is killed", async () => {
  const { code, output } = await runWith(
    'spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)", tmpdir()], { stdio: "ignore", detached: true }).unref();',
  );
  const pid = Number(/process (\d+) \(/.exec(output)?.[1]);
  expect(code).toBe(1);
  expect(pid).toBeGreaterThan(0);
  // A killed process has no command line, even as a zombie.
  const commandLine = () => (existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "");
  await expect.poll(commandLine).toBe("");
});

it("a run that cleans up passes", async () => {
  const { code, output } = await runWith('rmSync(mkdtempSync(join(tmpdir(), "gone-")), { recursive: true });');
  expect(output).toMatch(/1 passed/);
  expect(code).toBe(0);
});
