/**
 * Checks whether the data folder is usable: after a restore, or a change of the container's user, it may belong to
 * another user.
 */
import { accessSync, constants, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Maximum number of files and folders to check. */
const MAX_CHECKED = 200;

/**
 * Describes what can't be read or written in the data folder, and the command that fixes it.
 * @returns a sentence; `null` if there is no problem, or a different one that the code writing there reports
 */
export function dataFolderProblem(dataDir: string): string | null {
  const user = process.getuid?.();
  const group = process.getgid?.();
  if (user === undefined || group === undefined) return null;
  try {
    mkdirSync(dataDir, { recursive: true });
  } catch (error) {
    // The parent belongs to another user, or the path isn't a folder.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") return null;
    return `the data folder ${dataDir} cannot be created: no permission. State is lost at a restart. Fix: mkdir -p ${dataDir} && chown ${user}:${group} ${dataDir}, then restart`;
  }
  const denied = entriesOf(dataDir).find((path) => !mayUse(path));
  if (denied === undefined) return null;
  const owner = statSync(denied, { throwIfNoEntry: false })?.uid;
  return `${denied} belongs to user ${owner ?? "?"} and cannot be read or written by user ${user}, which runs kaifa2mqtt: state is lost at a restart. Fix: chown -R ${user}:${group} ${dataDir} (for a container: the host folder mounted there), then restart`;
}

/** The folder, its entries, and the entries of its subfolders. */
function entriesOf(dataDir: string): string[] {
  const found = [dataDir];
  for (const path of found) {
    if (found.length >= MAX_CHECKED) break;
    try {
      if (path !== dataDir && !statSync(path).isDirectory()) continue;
      if (path.slice(dataDir.length + 1).includes("/")) continue;
      found.push(...readdirSync(path).map((name) => join(path, name)));
    } catch {
      // Not readable: the path itself is already in the list.
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
