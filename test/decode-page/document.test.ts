import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isWord, say } from "../../src/decode-page/words.ts";

const html = readFileSync("src/decode-page/index.html", "utf8");

describe("the document of the decode page", () => {
  it("has its words in English, each under a known key", () => {
    const marked = [...html.matchAll(/data-t="([\w-]+)"[^>]*>([^<]*)</g)];
    expect(marked.length).toBeGreaterThan(15);
    for (const [, key = "", text] of marked) {
      expect(isWord(key), key).toBe(true);
      if (isWord(key)) expect(text, key).toBe(say("en", key));
    }
  });

  it("refers to no other resource", () => {
    expect(html).not.toMatch(/(?:src|href)="(?:[a-z]+:|\/)/);
    expect(html).not.toMatch(/<script|<style|<link|\sstyle=|\son[a-z]+="/);
  });
});
