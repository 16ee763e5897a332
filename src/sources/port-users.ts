/**
 * Which other programs have a serial device open (Linux). The lock that we take keeps out only those that take one, too:
 * a second reader without it gets a part of the bytes, and we the rest.
 */
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";

/** `kaifareader.py (pid 42)`, one for each program; only those that this user may look into. Never throws. */
export async function portUsers(path: string, proc = "/proc", self = process.pid): Promise<string[]> {
  const device = await realpath(path).catch(() => null);
  if (device === null) return [];
  const pids = (await entries(proc)).filter((name) => /^\d+$/.test(name) && Number(name) !== self);
  const users = await Promise.all(pids.map((pid) => userOf(join(proc, pid), pid, device)));
  return users.filter((user) => user !== null);
}

/** Where systemd lists what runs; anyone may look. */
const UNITS = "/run/systemd/units";

/**
 * The predecessor's service, `kaifareader.service`, if it runs: it would take a part of the bytes, and as another user's
 * process it is not among `portUsers`. Never throws.
 */
export async function predecessorService(units = UNITS): Promise<string | null> {
  const name = "kaifareader.service";
  return lstat(join(units, `invocation:${name}`)).then(
    () => name,
    () => null,
  );
}

async function userOf(folder: string, pid: string, device: string): Promise<string | null> {
  for (const fd of await entries(join(folder, "fd"))) {
    const target = await readlink(join(folder, "fd", fd)).catch(() => null);
    if (target !== device) continue;
    const name = await readFile(join(folder, "comm"), "utf8").catch(() => "a program");
    return `${name.trim()} (pid ${pid})`;
  }
  return null;
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
