import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { germanReason, germanReasonOr } from "../../src/diagnosis/reasons-de.ts";

describe("why a telegram was refused, in German", () => {
  it.each([
    ["1-0:1.8.0 fell from 12937 to 12", "1-0:1.8.0 ist von 12937 auf 12 gefallen"],
    [
      "1-0:1.8.0 went from 12937 to 99999999 within 5 s, at most 139 more is possible",
      "1-0:1.8.0 ging in 5 s von 12937 auf 99999999, höchstens 139 mehr sind möglich",
    ],
    ["1-0:32.7.0 is 500, expected 0 or 80 to 300 V", "1-0:32.7.0 ist 500, erwartet 0 oder 80 bis 300 V"],
    [
      "the telegram is not encrypted, but this meter was seen encrypted",
      "das Telegramm ist unverschlüsselt, aber dieser Zähler sendete zuvor verschlüsselt",
    ],
    [
      "the telegram is authenticated only, and not verified, but this meter was seen encrypted",
      "das Telegramm ist nur authentifiziert und nicht geprüft, aber dieser Zähler sendete zuvor verschlüsselt",
    ],
    ["import (5 W) and export (7 W) at once", "Bezug (5 W) und Einspeisung (7 W) zugleich"],
  ])("%s", (english, german) => {
    expect(germanReason(english)).toBe(german);
  });

  it("exists for every reason that acceptance gives", () => {
    const missing: string[] = [];
    for (const file of readdirSync("src/acceptance")) {
      const source = readFileSync(`src/acceptance/${file}`, "utf8");
      // Every template literal used as a reason, with a number in place of each placeholder.
      const sentences = source.matchAll(
        /(?:reason(?: =|:) |wrongUnit \?\?= |contradiction\(\s*"[a-z-]+",\s*)(?:`((?:[^`\\]|\\.)+)`|"([^"]+)")/g,
      );
      for (const [, template, plain] of sentences) {
        const sentence = (plain ?? template ?? "")
          .replace(/\$\{within\}/, "within 5 s")
          .replace(/\$\{protection\}/, "not encrypted")
          .replace(/expected \$\{allowed\}/, "expected at most 5 W")
          .replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "17");
        if (germanReason(sentence) === null) missing.push(sentence);
      }
    }
    expect(missing).toEqual([]);
  });

  it("falls back to the meaning of the code", () => {
    expect(germanReasonOr("malformed", "A-XDR at byte 7: unknown tag 99")).toBe("der Inhalt ist nicht lesbar");
  });
});
