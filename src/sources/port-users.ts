/**
 * Finds other programs that have a serial device open (Linux). Our exclusive lock stops only programs that also lock the
 * device; any other reader takes part of the bytes away from us.
 */
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";

/** One `kaifareader.py (pid 42)` per program; only processes that this user may inspect. Never throws. */
export async function portUsers(path: string, proc = "/proc", self = process.pid): Promise<string[]> {
  const device = await realpath(path).catch(() => null);
  if (device === null) return [];
  const pids = (await entries(proc)).filter((name) => /^\d+$/.test(name) && Number(name) !== self);
  const users = await Promise.all(pids.map((pid) => userOf(join(proc, pid), pid, device)));
  return users.filter((user) => user !== null);
}

/** Directory in which systemd lists running units; readable by all users. */
const UNITS = "/run/systemd/units";

/**
 * Returns `kaifareader.service`, the service of this project's predecessor, if it is running. It would take part of the
 * bytes, and `portUsers` does not find it because it runs as another user. Never throws.
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
