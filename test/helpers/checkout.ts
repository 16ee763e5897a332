/** The current repository without ignored files, as in a clone. Needs no git. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
/** .gitignore contains only folder names and file extensions. */
const ignored = readFileSync(join(root, ".gitignore"), "utf8").split("\n").filter(Boolean);

function isTracked(name: string): boolean {
  if (name === ".git") return false;
  return !ignored.some((pattern) =>
    pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name === pattern.replace(/\/$/, ""),
  );
}

/** All files, relative to the root of the repository. */
export function repositoryFiles(folder = root): string[] {
  return readdirSync(folder)
    .filter(isTracked)
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? repositoryFiles(path) : [relative(root, path)];
    });
}

/** A copy in a temporary folder; call `remove` at the end. */
export function checkout(): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "kaifa-checkout-"));
  for (const file of repositoryFiles()) cpSync(join(root, file), join(folder, file), { recursive: true });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
