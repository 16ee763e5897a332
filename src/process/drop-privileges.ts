/**
 * The container starts as root because the options file in the Home Assistant add-on belongs to root. Everywhere else
 * the program first drops privileges: it switches to the user that the image names in RUN_AS, with the groups that own
 * the serial devices.
 *
 * In the app it stays root: the devices, `/data`, `/share` and `/config` all belong to root there, so it needs no
 * capabilities, and the AppArmor profile (hassio-addon/apparmor.txt) grants none.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const ROOT = 0;
/** `tty`, which owns terminals; no serial device belongs to it. */
const TTY_GROUP = 5;
const SERIAL_DEVICE = /^tty(USB|ACM|AMA|S|O|mxc|SC|XR)/;

/** The parts of the process and system used here; tests pass their own. */
export interface System {
  readonly env: Readonly<Record<string, string | undefined>>;
  getuid?(): number;
  setgroups?(groups: number[]): void;
  setgid?(group: number): void;
  setuid?(user: number): void;
  /** Contents of `/etc/passwd`, `/etc/group`. */
  readFile(path: string): string;
  /** Groups that own the serial devices currently present. */
  deviceGroups(): number[];
}

export const SYSTEM: System = {
  env: process.env,
  getuid: () => process.getuid?.() ?? -1,
  setgroups: (groups) => process.setgroups?.(groups),
  setgid: (group) => process.setgid?.(group),
  setuid: (user) => process.setuid?.(user),
  readFile: (path) => readFileSync(path, "utf8"),
  deviceGroups: () => {
    try {
      return readdirSync("/dev")
        .filter((name) => SERIAL_DEVICE.test(name))
        .map((name) => statSync(join("/dev", name)).gid);
    } catch {
      return [];
    }
  },
};

/**
 * Switches to the user `RUN_AS`, if the process is root, the variable is set, and it doesn't run under the Supervisor.
 * @returns what went wrong, as a sentence for the log; `null` if it worked or there was nothing to do
 */
export function dropPrivileges(system: System = SYSTEM): string | null {
  const { RUN_AS: name, SUPERVISOR_TOKEN: token } = system.env;
  if (!name || token || system.getuid?.() !== ROOT) return null;
  try {
    const [, , user, group] = entry(system.readFile("/etc/passwd"), name);
    const dialout = entry(system.readFile("/etc/group"), "dialout")[2];
    const groups = [Number(group), Number(dialout), ...system.deviceGroups()];
    const wanted = [...new Set(groups)].filter((id) => id !== ROOT && id !== TTY_GROUP);
    system.setgroups?.(wanted);
    system.setgid?.(Number(group));
    system.setuid?.(Number(user));
    return null;
  } catch (error) {
    // Root without capabilities (cap_drop: ALL) can't change user, but can't do much harm either.
    return `Running as root, because becoming user ${name} failed (${(error as Error).message}). Start the container with "user: ${name}".`;
  }
}

/** The fields of a line in /etc/passwd or /etc/group. */
function entry(file: string, name: string): string[] {
  const line = file.split("\n").find((text) => text.startsWith(`${name}:`));
  if (!line) throw new Error(`there is no ${name}`);
  return line.split(":");
}
