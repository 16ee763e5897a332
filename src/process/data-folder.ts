/** Whether the data folder can be used: after a restore, or a change of the container's user, it may belong to somebody else. */
import { accessSync, constants, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Files and folders that are checked. */
const MAX_CHECKED = 200;

/**
 * What in the data folder we may not read or write, and the command that cures it.
 * @returns a sentence; `null` if all is well, or if the problem is another one, which those that write there report
 */
export function dataFolderProblem(dataDir: string): string | null {
  const user = process.getuid?.();
  const group = process.getgid?.();
  if (user === undefined || group === undefined) return null;
  try {
    mkdirSync(dataDir, { recursive: true });
  } catch (error) {
    // Its parent is not ours, or it is no folder at all.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") return null;
    return `the data folder ${dataDir} cannot be made: no permission. What is remembered is lost at a restart. Cure: mkdir -p ${dataDir} && chown ${user}:${group} ${dataDir}, then restart`;
  }
  const denied = entriesOf(dataDir).find((path) => !mayUse(path));
  if (denied === undefined) return null;
  const owner = statSync(denied, { throwIfNoEntry: false })?.uid;
  return `${denied} belongs to user ${owner ?? "?"} and cannot be read or written by user ${user}, as which kaifa2mqtt runs: what is remembered is lost at a restart. Cure: chown -R ${user}:${group} ${dataDir} (of a container: the folder of the host that is mounted there), then restart`;
}

/** The folder, what it holds, and what the folders in it hold. */
function entriesOf(dataDir: string): string[] {
  const found = [dataDir];
  for (const path of found) {
    if (found.length >= MAX_CHECKED) break;
    try {
      if (path !== dataDir && !statSync(path).isDirectory()) continue;
      if (path.slice(dataDir.length + 1).includes("/")) continue;
      found.push(...readdirSync(path).map((name) => join(path, name)));
    } catch {
      // Not readable: it is among what was found itself.
    }
  }
  return found.slice(0, MAX_CHECKED);
}

function mayUse(path: string): boolean {
  try {
    const folder = statSync(path).isDirectory();
    accessSync(path, constants.R_OK | constants.W_OK | (folder ? constants.X_OK : 0));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "EACCES" && code !== "EPERM";
  }
}
