import { describe, expect, it } from "vitest";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { formatHex, parseHex } from "../../src/codec/hex.ts";
import { bytesOfText, CaptureDecoder, decodeCapture, MAX_ENTRIES } from "../../src/decode-page/capture-decoder.ts";
import { EXAMPLE } from "../../src/decode-page/example.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";

const key = parseHex(EXAMPLE.key);
const spaced = (bytes: Uint8Array, separator = " ") => formatHex(bytes).replace(/..(?=.)/g, `$&${separator}`);

describe("the decode page decodes", () => {
  it.each(fixtureNames())("%s like the codec, pasted as hex and dropped unchanged", (name) => {
    const { wire, keys } = loadFixture(name);
    const events = decodeTelegrams(wire, keys);
    const telegrams = events.flatMap((event) => (event.type === "telegram" ? [event.telegram] : []));
    const faults = events.flatMap((event) => (event.type === "fault" ? [event.code] : []));
    const isText = wire.every((byte) => byte >= 0x20 || byte === 0x0d || byte === 0x0a);
    for (const input of [bytesOfText(spaced(wire)), ...(isText ? [] : [wire])]) {
      const { entries } = decodeCapture(input, keys);
      expect(entries.flatMap(({ telegram }) => telegram ?? [])).toEqual(telegrams);
      if (telegrams.length + faults.length > 0)
        expect(entries.flatMap(({ fault }) => fault?.code ?? [])).toEqual(faults);
    }
  });

  it("P1 text from a text field with bare LF, whose CRC covers CR LF", () => {
    const { wire, keys } = loadFixture("dsmr5-nl-iskra-p1");
    const pasted = new TextDecoder().decode(wire).replaceAll("\r\n", "\n");
    const { entries, kind } = decodeCapture(bytesOfText(`\n\n${pasted}`), keys);
    expect(kind).toBe("binary");
    expect(entries[0]?.telegram?.transport).toBe("p1");
    expect(entries[0]?.line).toBe(3);
  });

  it("a pasted log, with the line on which each telegram begins", () => {
    const wire = parseHex(EXAMPLE.hex);
    const log = [
      "[21:14:10][I][app:102]: ESPHome version 2026.10.1",
      `[21:14:11][D][uart_debug:114]: <<< ${spaced(wire.subarray(0, 200), ":")}`,
      `[21:14:11][D][uart_debug:114]: <<< ${spaced(wire.subarray(200), ":")}`,
      "[21:14:12][D][sensor:094]: 'Power': Sending state 230",
      `[21:14:16][D][uart_debug:114]: <<< ${spaced(wire, ":")}`,
    ].join("\n");
    const { kind, entries } = decodeCapture(bytesOfText(log), { key });
    expect(kind).toBe("log");
    expect(entries.map(({ line, telegram }) => [line, telegram?.meterId])).toEqual([
      [2, "181220000009"],
      [5, "181220000009"],
    ]);
  });

  it("nothing with a wrong key, with the position of the fault", () => {
    const wire = parseHex(EXAMPLE.hex);
    const wrong = decodeCapture(bytesOfText(`# noise\n00 00 00\n${EXAMPLE.hex}`), { key: key.map((byte) => byte ^ 1) });
    expect(wrong.entries).toHaveLength(1);
    expect(wrong.entries[0]).toMatchObject({ offset: 3, line: 3, telegram: null, fault: { code: "key-wrong" } });
    expect(wrong.entries[0]?.bytes).toHaveLength(wire.length);
    expect(wrong.skipped).toBe(3);
  });

  it("empty input, input without a telegram, and unreadable lines as faults", () => {
    const message = (text: string) => decodeCapture(bytesOfText(text), {}).entries[0]?.fault?.message;
    expect(message("Dear all, my meter does not work.\n")).toMatch(/^neither hex digits, nor a log/);
    expect(message("00 01 02 03")).toBe("no telegram in 4 bytes");
    expect(message(`${"68FA ".repeat(300)}\nfoo bar\n`)).toMatch(/^line 2 of the hex text/);
  });

  it("a stream piece by piece, keeping the latest entries", () => {
    const wire = parseHex(EXAMPLE.hex);
    const decoder = new CaptureDecoder({ key }, { keep: "newest" });
    for (let i = 0; i < MAX_ENTRIES + 3; i++) decoder.feed(wire);
    expect(decoder.telegrams).toBe(MAX_ENTRIES + 3);
    expect(decoder.entries).toHaveLength(MAX_ENTRIES);
    expect(decoder.entries[0]?.offset).toBe(3 * wire.length);
  });

  it("an unknown list to a template", () => {
    // A data-notification with a structure of a text, a voltage and a counter.
    const body = "0F000000010C07EA0B1A040C000000FFC400 0203 0A064E45575F3031 1208FC 0600012345".replace(/ /g, "");
    const { template, entries } = decodeCapture(bytesOfText(body), {});
    expect(entries[0]?.fault?.code).toBe("unsupported");
    expect(template).toMatch(/^lists:\n {2}- name: my-list\n/);
    expect(template).toContain("{ text: NEW_01 }".replace("NEW_01", '"NEW_01"'));
  });
});
