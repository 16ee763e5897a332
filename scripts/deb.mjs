// node scripts/deb.mjs [FOLDER]: kaifa2mqtt_<version>_<arch>.deb for amd64 and arm64 from dist/, with dpkg-deb (any Debian has it).
// SOURCE_DATE_EPOCH, by default the time of the last commit, sets all file times, so that builds are reproducible.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { bashCompletion, manPage } from "./manual.mjs";

const root = join(import.meta.dirname, "..");
const target = resolve(process.argv[2] ?? ".");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? lastCommit());
const date = new Date(epoch * 1000);
/** Debian's architecture names, and Node's. */
const ARCHITECTURES = { amd64: "x64", arm64: "arm64" };
const MAINTAINER = "kaifa2mqtt maintainers <kaifa2mqtt@users.noreply.github.com>";

mkdirSync(target, { recursive: true });
for (const [arch, nodeArch] of Object.entries(ARCHITECTURES)) {
  const folder = mkdtempSync(join(tmpdir(), "kaifa2mqtt-deb-"));
  try {
    chmodSync(folder, 0o755);
    fill(folder, nodeArch);
    write(folder, "DEBIAN/control", control(arch, folder));
    write(folder, "DEBIAN/md5sums", checksums(folder));
    const file = join(target, `kaifa2mqtt_${manifest.version}_${arch}.deb`);
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
    execFileSync("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", folder, file], { env, stdio: "pipe" });
    console.log(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fill(folder, nodeArch) {
  const program = join(folder, "usr/lib/kaifa2mqtt");
  execFileSync("node", [join(root, "scripts/assemble.mjs"), program], { stdio: "pipe" });
  rmSync(join(program, "LICENSE"));
  const prebuilds = join(program, "node_modules/@serialport/bindings-cpp/prebuilds");
  for (const name of readdirSync(prebuilds)) {
    if (name !== `linux-${nodeArch}`) rmSync(join(prebuilds, name), { recursive: true });
  }
  for (const name of listFiles(program)) {
    const file = join(program, name);
    chmodSync(file, name === "dist/main.js" ? 0o755 : 0o644);
    if (/(^|\/)LICENSE(\.\w+)?$/.test(name)) rmSync(file); // all of them are in `copyright`
  }
  mkdirSync(join(folder, "usr/bin"), { recursive: true });
  symlinkSync("../lib/kaifa2mqtt/dist/main.js", join(folder, "usr/bin/kaifa2mqtt"));
  write(folder, "usr/lib/systemd/system/kaifa2mqtt.service", unit());
  write(folder, "etc/kaifa2mqtt/kaifa2mqtt.yaml", source("packaging/debian/kaifa2mqtt.yaml"));
  write(folder, "DEBIAN/conffiles", "/etc/kaifa2mqtt/kaifa2mqtt.yaml\n");
  for (const script of ["postinst", "prerm", "postrm"]) {
    write(folder, `DEBIAN/${script}`, source(`packaging/debian/${script}`), 0o755);
  }
  write(folder, "usr/share/man/man1/kaifa2mqtt.1.gz", compressed(manPage(date.toISOString().slice(0, 10))));
  write(folder, "usr/share/bash-completion/completions/kaifa2mqtt", bashCompletion());
  const doc = "usr/share/doc/kaifa2mqtt";
  write(folder, `${doc}/changelog.gz`, compressed(changelog()));
  write(folder, `${doc}/copyright`, copyright());
  for (const name of ["kaifa2mqtt.example.yaml", "kaifa2mqtt.schema.json"]) {
    write(folder, `${doc}/${name}`, source(`docs/${name}`));
  }
}

/** The unit of the npm package, with the user created by the package instead of a dynamic one. */
function unit() {
  const replace = (text, from, to) => {
    if (!text.includes(from)) throw new Error(`packaging/systemd/kaifa2mqtt.service has no line "${from}"`);
    return text.replace(from, to);
  };
  let text = source("packaging/systemd/kaifa2mqtt.service");
  text = replace(text, /^# For the npm.*\n/.exec(text)?.[0] ?? "?", "");
  text = replace(text, "ExecStart=/usr/bin/env kaifa2mqtt run", "ExecStart=/usr/bin/kaifa2mqtt run");
  text = replace(text, "ConfigurationDirectory=kaifa2mqtt\n", "");
  text = replace(text, /^# A dynamic user(?:.*\n)+?(?=DynamicUser)/m.exec(text)?.[0] ?? "?", "");
  return replace(text, "DynamicUser=yes", "User=kaifa2mqtt\nGroup=kaifa2mqtt");
}

function control(arch, folder) {
  const size = listFiles(folder).reduce((sum, name) => sum + Math.ceil(statSync(join(folder, name)).size / 1024), 0);
  return `Package: kaifa2mqtt
Version: ${manifest.version}
Architecture: ${arch}
Maintainer: ${MAINTAINER}
Installed-Size: ${size}
Depends: nodejs (>= 20.19), libc6, libstdc++6, libgcc-s1, adduser
Recommends: mosquitto
Section: net
Priority: optional
Homepage: https://github.com/${manifest.repository.replace("github:", "")}
Description: smart-meter bridge for MQTT and Home Assistant
 Reads the encrypted telegrams that Kaifa and other DLMS meters push at their
 customer interface, checks every one, and publishes the values to MQTT with
 entities that appear in Home Assistant by themselves. Succeeds kaifareader,
 whose configuration it understands.
`;
}

/** The changelog in Debian's format. */
function changelog() {
  const sections = source("CHANGELOG.md").split(/^## /m).slice(1);
  return sections
    .map((section, index) => {
      const [head = "", ...body] = section.split("\n");
      const text = body.filter((line) => !line.startsWith("#")).join("\n");
      const items = text.split(/^- /m).slice(1);
      const lines = items.map((item) => wrap(item.trim().replace(/\s+/g, " ")));
      // `## 1.1.0 (2026-11-25)`
      const day = /\((\d{4}-\d\d-\d\d)\)/.exec(head)?.[1];
      // Newest first, a minute apart, because two versions of one day must not have the same time.
      const noted = day === undefined ? date : new Date(Date.parse(day) + (sections.length - index) * 60_000);
      const when = noted.toUTCString().replace("GMT", "+0000");
      return `kaifa2mqtt (${head.split(" ")[0]}) stable; urgency=medium\n\n${lines.join("\n")}\n\n -- ${MAINTAINER}  ${when}\n`;
    })
    .join("\n");
}

/** An item of the changelog in lines of at most 78 characters. */
function wrap(text) {
  const lines = ["  *"];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= 78) lines[lines.length - 1] = line;
    else lines.push(`    ${word}`);
  }
  return lines.join("\n");
}

/** Debian's machine-readable copyright file: ours, then one entry per package in the bundle. */
function copyright() {
  const indent = (text) =>
    text
      .trim()
      .split("\n")
      .map((line) => (line.trim() === "" ? " ." : ` ${line.trimEnd()}`))
      .join("\n");
  const components = ["sbom", "sbom-page", "sbom-decode"].flatMap(
    (list) => JSON.parse(source(`dist/${list}.cdx.json`)).components,
  );
  const bundled = components.flatMap(({ group, name, version, evidence }) => {
    const texts = (evidence?.licenses ?? []).flatMap(({ license }) => license?.text ?? []);
    const [text] = texts.map(({ content, encoding }) =>
      encoding === "base64" ? Buffer.from(content, "base64").toString() : content,
    );
    if (text !== undefined && /Apache License/.test(text)) {
      return [`${name} ${version}\n\nApache License 2.0: /usr/share/common-licenses/Apache-2.0`];
    }
    return text === undefined ? [] : [`${group === undefined ? "" : `${group}/`}${name} ${version}\n\n${text}`];
  });
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: kaifa2mqtt

Files: *
Copyright: kaifa2mqtt contributors
License: MIT
${indent(source("LICENSE"))}
Comment:
 The program is bundled with these packages:
 .
${indent(bundled.join("\n\n"))}
`;
}

function checksums(folder) {
  const files = listFiles(folder).filter((name) => !name.startsWith("DEBIAN/") && !name.startsWith("etc/"));
  return execFileSync("md5sum", files, { cwd: folder, encoding: "utf8" });
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function write(folder, name, content, mode = 0o644) {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

function source(name) {
  return readFileSync(join(root, name), "utf8");
}

function compressed(text) {
  return gzipSync(text, { level: 9 });
}

function lastCommit() {
  return execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }).trim();
}
