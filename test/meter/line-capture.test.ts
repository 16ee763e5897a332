import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Decoder } from "../../src/codec/decoder-event.ts";
import { LineCapture } from "../../src/meter/line-capture.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

describe("a capture on demand", () => {
  function capturing() {
    const folder = join(temporaryFolder(), "captures");
    const fed: number[] = [];
    const logged: string[] = [];
    const decoder: Decoder = {
      feed: (chunk) => {
        fed.push(...chunk);
        return [];
      },
      silence: () => [],
      end: () => [],
      reset: () => undefined,
      wanted: 0,
    };
    const capture = new LineCapture({
      folder,
      render: async (chunks) => chunks.map(({ bytes }) => Buffer.from(bytes).toString("hex")).join("\n"),
      log: { info: (text) => void logged.push(text), warn: () => undefined },
    });
    onTestFinished(() => capture.stop());
    return { capture, tapped: capture.tap(decoder), folder, fed, logged };
  }

  it("contains the bytes received after the request, in a file readable by the owner only", async () => {
    const { capture, tapped, folder, fed, logged } = capturing();
    tapped.feed(Uint8Array.of(1, 2));
    capture.begin();
    capture.begin();
    tapped.feed(Uint8Array.of(3, 4));
    tapped.feed(Uint8Array.of(5));
    await capture.stop();
    tapped.feed(Uint8Array.of(6));
    await capture.stop();
    const files = readdirSync(folder);
    expect(files).toHaveLength(1);
    expect(logged.join()).not.toContain("ended early");
    const file = join(folder, files[0] ?? "");
    expect(readFileSync(file, "utf8")).toBe("030405");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(fed).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("writes nothing without a request, stops at 64 KiB, and keeps the newest five files", async () => {
    const { capture, tapped, folder, logged } = capturing();
    await capture.stop();
    expect(existsSync(folder)).toBe(false);
    for (let count = 0; count < 7; count++) {
      capture.begin();
      tapped.feed(new Uint8Array(70_000).fill(count));
      await capture.stop();
    }
    const files = readdirSync(folder).sort();
    expect(files).toHaveLength(5);
    expect(logged.filter((text) => text.endsWith("(ended early, at 65536 bytes)"))).toHaveLength(7);
    expect(readFileSync(join(folder, files[4] ?? ""), "utf8")).toBe("06".repeat(65_536));
  });
});
