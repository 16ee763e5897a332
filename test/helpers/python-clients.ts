/**
 * Python clients (test/clients): a virtual environment with the packages in test/clients/requirements.txt,
 * created once and cached in node_modules/.cache (or $KAIFA_VENV) until that file changes.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const CLIENTS = resolve("test/clients");
const REQUIREMENTS = join(CLIENTS, "requirements.txt");
const INSTALL_MS = 240_000;

let python: Promise<string> | null = null;

/** Path of the interpreter with the clients' libraries. The first call installs them, which takes a while. */
export function pythonWithClients(): Promise<string> {
  python ??= prepare();
  return python;
}

async function prepare(): Promise<string> {
  const folder = resolve(process.env.KAIFA_VENV ?? "node_modules/.cache/kaifa2mqtt-clients");
  const interpreter = join(folder, "bin", "python");
  const stamp = join(folder, "requirements.sha256");
  const wanted = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && existsSync(interpreter)) return interpreter;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run("python3", ["-m", "venv", folder]);
  const options = ["--quiet", "--disable-pip-version-check", "--no-input"];
  await run(interpreter, ["-m", "pip", "install", ...options, "--requirement", REQUIREMENTS], { timeout: INSTALL_MS });
  writeFileSync(stamp, wanted);
  return interpreter;
}

/** A running script of test/clients, and its output line by line. */
export class PythonClient {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    child.stderr.on("data", (chunk) => {
      this.#errors = (this.#errors + String(chunk)).slice(-10_000);
    });
  }

  static async start(script: string, ...args: readonly string[]): Promise<PythonClient> {
    return new PythonClient(spawn(await pythonWithClients(), [join(CLIENTS, script), ...args]));
  }

  /** The next line. @throws Error with its error output if it exits without one */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the client has ended:\n${this.#errors}`);
    return value;
  }

  /** The next line as JSON. */
  async json<Shape>(): Promise<Shape> {
    return JSON.parse(await this.line()) as Shape;
  }

  /** Continues a client that waits for a line of input. */
  goOn(): void {
    this.#child.stdin.write("\n");
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}
