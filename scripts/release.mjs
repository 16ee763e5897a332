// Release helper (called by `npm version` and .github/workflows/release.yml):
//   node scripts/release.mjs bump             copies the version in package.json to the other files
//   node scripts/release.mjs check v1.2.3     checks that all of them say 1.2.3, and the changelog has a section for it
//   node scripts/release.mjs notes v1.2.3     prints that section
//   node scripts/release.mjs stamp IMAGE URL  writes image and repository address to the app, and the address to the READMEs' button
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const read = (file) => readFileSync(join(root, file), "utf8");
const write = (file, text) => writeFileSync(join(root, file), text);
const packageVersion = () => JSON.parse(read("package.json")).version;

/** Files that contain the version besides package.json. */
const VERSIONS = [
  { file: "hassio-addon/config.yaml", pattern: /^version: "(.*)"$/m },
  { file: "Dockerfile", pattern: /^ARG BUILD_VERSION=(.*)$/m },
];

const section = (version) => {
  const [, text] = read("CHANGELOG.md").split(new RegExp(`^## ${version.replaceAll(".", "\\.")}(?:[ \\t].*)?$`, "m"));
  return text?.split(/^## /m)[0]?.trim();
};

const commands = {
  bump() {
    for (const { file, pattern } of VERSIONS) {
      const change = (line, old) => line.replace(old, packageVersion());
      write(file, read(file).replace(pattern, change));
    }
  },
  check(tag = "") {
    const version = tag.replace(/^v/, "");
    const wrong = VERSIONS.filter(({ file, pattern }) => pattern.exec(read(file))?.[1] !== version).map(
      ({ file }) => file,
    );
    if (packageVersion() !== version) wrong.push("package.json");
    if (!section(version)) wrong.push("CHANGELOG.md");
    if (read("CHANGELOG.md") !== read("hassio-addon/CHANGELOG.md")) wrong.push("hassio-addon/CHANGELOG.md");
    if (wrong.length > 0) throw new Error(`not at version ${version}: ${wrong.join(", ")}`);
  },
  notes(tag = "") {
    const text = section(tag.replace(/^v/, ""));
    if (!text) throw new Error(`CHANGELOG.md has no section for ${tag}`);
    console.log(text);
  },
  stamp(image, url) {
    if (!image || !url) throw new Error("stamp needs an image and an address");
    const set = (text, key, value) =>
      new RegExp(`^${key}: .*$`, "m").test(text)
        ? text.replace(new RegExp(`^${key}: .*$`, "m"), () => `${key}: ${value}`)
        : text.replace(/^(slug|name): .*$/m, (line) => `${line}\n${key}: ${value}`);
    const addon = read("hassio-addon/config.yaml");
    write("hassio-addon/config.yaml", set(set(addon, "url", url), "image", image));
    write("repository.yaml", set(read("repository.yaml"), "url", url));
    for (const page of ["README.md", "README.de.md"]) {
      write(
        page,
        read(page).replace(/repository_url=[^)]*/g, () => `repository_url=${encodeURIComponent(url)}`),
      );
    }
  },
};

const [name, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(commands, name ?? "")) throw new Error(`usage: release.mjs ${Object.keys(commands).join("|")}`);
commands[name](...rest);
