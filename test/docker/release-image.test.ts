/** The release image: based on Debian 13, and reproducible bit for bit. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { VERSION } from "../../src/version.ts";
import { checkout } from "../helpers/checkout.ts";
import { PtyPair } from "../helpers/pty.ts";
import { docker, inspect, KEY, speakingMeter } from "./engine.ts";

const NAME = `kaifa2mqtt-release-${process.pid}`;
const BASE = `${NAME}-base`;
const COMMIT_TIME = "1764000000";
/** Without a registry, the Debian 13 packages in the image are added to the available base. */
const DEBIAN_13 = `FROM node:24-bookworm-slim
RUN sed -i s/bookworm/trixie/g /etc/apt/sources.list && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install \
  -y --no-install-recommends base-files coreutils dash libacl1 libc6 libgcc-s1 libpcre2-8-0 libselinux1 libstdc++6
`;

async function buildImage(tag: string): Promise<void> {
  const place = checkout();
  try {
    await docker(
      ["buildx", "build", "--no-cache", "--build-arg", `NODE_IMAGE=${BASE}`, "--tag", `${NAME}:${tag}`, place.folder],
      { env: { SOURCE_DATE_EPOCH: COMMIT_TIME } },
    );
  } finally {
    place.remove();
  }
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "kaifa-base-"));
  writeFileSync(join(folder, "Dockerfile"), DEBIAN_13);
  await docker(["build", "--tag", BASE, folder]).finally(() => rmSync(folder, { recursive: true }));
  await buildImage("once");
});

afterAll(async () => {
  await docker(["image", "rm", "--force", `${NAME}:once`, `${NAME}:again`, BASE], { check: false });
});

it("two builds of one commit are the same image, layers and settings", async () => {
  await buildImage("again");
  const [once, again] = [await inspect(`${NAME}:once`), await inspect(`${NAME}:again`)];
  expect(again.RootFS.Layers).toEqual(once.RootFS.Layers);
  expect(again.Id).toBe(once.Id);
});

it("is based on Debian 13", async () => {
  const { stdout } = await docker(["run", "--rm", "--entrypoint", "cat", `${NAME}:once`, "/etc/os-release"]);
  expect(stdout).toContain('VERSION_ID="13"');
});

it("reads a meter: Node and the serial port's binding load Debian 13's libraries", async () => {
  const line = await PtyPair.open(undefined, "mode=660,group=dialout");
  const meter = speakingMeter(line);
  try {
    const device = ["--device", line.device, "--group-add", "dialout"];
    const doctor = ["doctor", "--port", line.device, "--key", KEY, "--json"];
    const { stdout } = await docker(["run", "--rm", ...device, `${NAME}:once`, ...doctor], { check: false });
    expect(JSON.parse(stdout).port).toBe(line.device);
    expect(stdout).toContain("1.8.0");
  } finally {
    meter.stop();
    await line.close();
  }
  expect((await docker(["run", "--rm", `${NAME}:once`, "--version"])).stdout.trim()).toBe(VERSION);
});
