/**
 * How `kaifa2mqtt health` queries the running bridge: over a Unix socket in the data folder, which is unique to this
 * installation. On a read-only root file system without a data folder it uses an abstract socket (Linux), named after
 * the folder and the mount namespace, since a container may share its host's network. If the socket is removed, alone
 * or with its folder, it is created again.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** Maximum length of a Unix socket path on Linux (sun_path has 108 bytes), with room for macOS (104). */
const MAX_PATH = 100;
const ANSWER_MS = 5000;
/** How often to check that the socket still exists, milliseconds; Docker's health check runs every 30 s. */
const CHECK_MS = 10_000;

/** `reasons` has one sentence per problem. */
export interface Health {
  readonly healthy: boolean;
  readonly reasons: readonly string[];
  /** Not healthy yet, but may become so: ask again. */
  readonly pending?: boolean;
}

/** Where the bridge with this data folder listens, in order of preference. */
export function socketPaths(dataDir: string): string[] {
  const file = join(dataDir, "health.sock");
  let namespace = "";
  try {
    namespace = String(statSync("/proc/self/ns/mnt").ino);
  } catch {
    // Not Linux, or no /proc: no abstract sockets either.
  }
  const name = createHash("sha256").update(`${dataDir}\n${namespace}`).digest("hex").slice(0, 24);
  const abstract = namespace === "" ? [] : [`\0kaifa2mqtt-${name}`];
  return file.length <= MAX_PATH ? [file, ...abstract] : abstract;
}

/** Answers health requests until `stop`. */
export class HealthServer {
  readonly #dataDir: string;
  readonly #health: () => Health;
  readonly #checkMs: number;
  #server: Server | null = null;
  /** The socket's file, as returned by `identityOf`; empty for an abstract socket. */
  #identity = "";
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(dataDir: string, health: () => Health, checkMs = CHECK_MS) {
    this.#dataDir = dataDir;
    this.#health = health;
    this.#checkMs = checkMs;
  }

  /** @returns whether another running bridge already answers for this data folder; this one then doesn't */
  async start(): Promise<{ readonly taken: boolean }> {
    if ((await askHealth(this.#dataDir)) !== null) return { taken: true };
    await this.#listen();
    this.#timer = setInterval(() => void this.#check(), this.#checkMs).unref();
    return { taken: false };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#close();
  }

  async #listen(): Promise<void> {
    for (const path of socketPaths(this.#dataDir)) {
      const server = createServer((socket) => {
        socket.on("error", () => socket.destroy());
        socket.end(`${JSON.stringify(this.#health())}\n`);
      });
      // Clients that ask but never read must not block the server.
      server.maxConnections = 16;
      if (!(await listen(server, path, this.#dataDir))) continue;
      this.#server = server;
      this.#identity = isFile(path) ? identityOf(path) : "";
      return;
    }
  }

  /** Listens again if the socket is no longer the file created here. */
  async #check(): Promise<void> {
    const [path = ""] = socketPaths(this.#dataDir);
    if (this.#identity === "" || identityOf(path) === this.#identity) return;
    // Another bridge has taken over the socket in the meantime: it answers now.
    if ((await askHealth(this.#dataDir)) !== null) return;
    await this.#close();
    if (this.#stopped) return;
    await this.#listen();
    if (this.#stopped) await this.#close();
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server !== null) await new Promise<void>((done) => server.close(() => done()));
  }
}

/** Whether the path is a file; abstract sockets aren't. */
const isFile = (path: string): boolean => !path.startsWith("\0");

/** Device and inode of the file that currently has this name; empty if there is none. */
function identityOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "" : `${found.dev}:${found.ino}`;
}

async function listen(server: Server, path: string, dataDir: string): Promise<boolean> {
  try {
    if (isFile(path)) {
      mkdirSync(dataDir, { recursive: true });
      // No answer: the socket was left behind by a killed bridge.
      rmSync(path, { force: true });
    }
    await new Promise<void>((done, fail) => {
      server.once("error", fail);
      server.listen(path, done);
    });
    server.on("error", () => undefined);
    if (isFile(path)) chmodSync(path, 0o600);
    return true;
  } catch {
    return false;
  }
}

/** The health of the bridge running with this data folder; `null` if none answers. */
export async function askHealth(dataDir: string): Promise<Health | null> {
  for (const path of socketPaths(dataDir)) {
    const answer = await ask(path);
    if (answer !== null) return answer;
  }
  return null;
}

function ask(path: string): Promise<Health | null> {
  return new Promise((done) => {
    let text = "";
    const socket = connect(path);
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > 64 * 1024) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => done(parseHealth(text)));
  });
}

function parseHealth(text: string): Health | null {
  try {
    const value = JSON.parse(text) as Health;
    return typeof value.healthy === "boolean" && Array.isArray(value.reasons) ? value : null;
  } catch {
    return null;
  }
}
