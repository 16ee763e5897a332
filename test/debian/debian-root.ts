/** A separate Debian 13 in a folder, created with debootstrap and used through chroot. Needs root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

const SUITE = "trixie";
/** Mounts for the kernel's folders: our PTYs must be devices in there, too. */
const MOUNTS = ["proc", "dev", "dev/pts"];

export class DebianRoot {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Takes about a minute and a half. */
  static make(): DebianRoot {
    const root = new DebianRoot(mkdtempSync(join(tmpdir(), "kaifa-debian-")));
    const include = "nodejs,adduser,init-system-helpers,systemd,man-db,bash-completion";
    // Its users need access.
    chmodSync(root.folder, 0o755);
    try {
      execFileSync("debootstrap", ["--variant=minbase", `--include=${include}`, SUITE, root.folder, mirror()], {
        stdio: "pipe",
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, DEBIAN_FRONTEND: "noninteractive" },
      });
      for (const name of MOUNTS) execFileSync("mount", ["--bind", `/${name}`, join(root.folder, name)]);
    } catch (error) {
      root.remove();
      throw error;
    }
    return root;
  }

  /** Runs a command until it exits. */
  run(...command: string[]): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr } = spawnSync("chroot", [this.folder, ...command], {
      encoding: "utf8",
      env: ENVIRONMENT,
    });
    return { status, output: stdout + stderr };
  }

  /** Starts a command as a user. */
  start(user: string, environment: Record<string, string>, ...command: string[]): ChildProcess {
    const args = [this.folder, "runuser", "-u", user, "--", ...command];
    return spawn("chroot", args, { env: { ...ENVIRONMENT, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Copies one of our files below /root under the same name. @returns that path */
  bring(file: string): string {
    const place = `/root/${basename(file)}`;
    cpSync(file, join(this.folder, place));
    return place;
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  remove(): void {
    for (const name of [...MOUNTS].reverse()) {
      if (existsSync(join(this.folder, name))) spawnSync("umount", ["-l", join(this.folder, name)]);
    }
    // The folder no longer contains any mount of the host.
    const mounts = readFileSync("/proc/mounts", "utf8");
    if (mounts.includes(` ${this.folder}/`)) throw new Error(`${this.folder} is still mounted`);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  DEBIAN_FRONTEND: "noninteractive",
  LC_ALL: "C.UTF-8",
  HOME: "/root",
};

/** This computer's Debian mirror. */
function mirror(): string {
  const listed = execFileSync("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], {
    encoding: "utf8",
  });
  const uri = listed.split("\n").find((line) => /^https?:/.test(line) && !/security/.test(line));
  if (uri === undefined) throw new Error("apt knows no mirror: run apt-get update");
  return uri;
}
