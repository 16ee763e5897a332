import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { annotate } from "../../src/codec/inspect/annotate.ts";
import { germanLabel, germanValue } from "../../src/http/page/annotation-de.ts";
import { daysOf, hoursOf } from "../../src/http/page/energy.ts";
import { duration, isWord, number, say } from "../../src/http/page/words.ts";
import { loadFixture } from "../helpers/fixtures.ts";

const HOUR = 3_600_000;
const html = readFileSync("src/http/page/index.html", "utf8");

describe("the words of the page", () => {
  it("are in index.html in English, each under a known key", () => {
    const marked = [...html.matchAll(/data-t="([\w-]+)"[^>]*>([^<]*)</g)];
    expect(marked.length).toBeGreaterThan(30);
    for (const [, key = "", text] of marked) {
      expect(isWord(key), key).toBe(true);
      if (isWord(key)) expect(text, key).toBe(say("en", key));
    }
  });

  it("no part of the page is loaded from elsewhere, and nothing is inline", () => {
    expect(html).not.toMatch(/(?:src|href)="(?:[a-z]+:|\/)/);
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+="/);
  });

  it("format numbers with the meter's digits", () => {
    expect(number("en", "12937.500")).toBe("12,937.500");
    expect(number("de", "12937.500")).toBe("12.937,500");
    expect(duration(59 * 60_000)).toBe("59 min");
    expect(duration(26 * HOUR)).toBe("1 d 2 h");
  });
});

describe("the help page", () => {
  it.each(["docs/troubleshooting.md", "docs/troubleshooting.de.md"])("%s has a paragraph for every state", (file) => {
    const anchors = new Set([...readFileSync(file, "utf8").matchAll(/<a id="([a-z-]+)">/g)].map(([, id]) => id));
    const source = readFileSync("src/diagnosis/diagnosis-code.ts", "utf8");
    const codes = [...source.matchAll(/\| "([a-z-]+)"/g)].map(([, code]) => code ?? "");
    expect(codes.length).toBeGreaterThan(10);
    const wanted = [...codes.filter((code) => code !== "ok" && code !== "starting"), "bridge", "broker"];
    expect(wanted.filter((id) => !anchors.has(id))).toEqual([]);
  });
});

describe("the byte table in German", () => {
  /** Words of the standards, the same in every language. */
  const NAMES =
    /^(?:general-(?:glo|ded)-ciphering|data-notification|long-invoke-id-and-priority|STSAP|DTSAP|HCS|FCS|LLC|HDLC-Flag|Block|Text|version|\d+-\d+:.*)$/;

  it("has a German label for every annotation of real telegrams", () => {
    const missing = new Set<string>();
    for (const name of readdirSync("test/fixtures/telegrams")) {
      const { wire, keys } = loadFixture(name);
      for (const part of annotate(wire, keys)) {
        for (const { kind, label, value } of part.spans) {
          const german = germanLabel(label);
          if (german === label && !NAMES.test(label)) missing.add(label);
          if (kind === "register" || kind === "text") continue;
          if (/\b(?:bytes|right|none|encrypted|authenticated|last|more follow)\b/.test(germanValue(value)))
            missing.add(value);
        }
      }
    }
    expect([...missing]).toEqual([]);
  });
});

describe("energy by hour and day", () => {
  const start = new Date(2026, 5, 10, 0, 0, 0).getTime();
  const hour = (at: number, first: number, last: number) => ({
    start: start + at * HOUR,
    import: [first, last] as const,
    export: null,
  });

  it("is the difference of registers, also across hours", () => {
    const bars = hoursOf([hour(0, 10, 10.9), hour(1, 11, 12)], start + HOUR + 1, 2);
    expect(bars.map((bar) => bar.import?.toFixed(3))).toEqual(["0.900", "1.100"]);
    expect(bars[1]).toMatchObject({ export: null, lastImport: 12 });
  });

  it("after an outage counts only the known part of the hour", () => {
    const bars = hoursOf([hour(0, 10, 11), hour(3, 20, 20.5)], start + 3 * HOUR, 4);
    expect(bars.map((bar) => bar.import)).toEqual([1, null, null, 0.5]);
  });

  it("a day includes its outages", () => {
    const [day] = daysOf([hour(1, 10, 11), hour(20, 30, 31)], start + 21 * HOUR, 1);
    expect(day?.import).toBe(21);
  });

  it("a day that begins with the installation shows since when it counts", () => {
    expect(daysOf([hour(14, 10, 11)], start + 15 * HOUR, 1)[0]?.since).toBe(start + 14 * HOUR);
    expect(daysOf([hour(-1, 9, 10), hour(0, 10, 11)], start + HOUR, 1)[0]?.since).toBeNull();
  });

  it("a replaced meter counts from its new value", () => {
    const [bar] = daysOf([hour(0, 5_000, 5_001), hour(1, 0, 2)], start + 2 * HOUR, 1);
    expect(bar?.import).toBe(3);
  });
});
