/** The protocol of `simulate --layout amis`, with the timing of the specification. */
import { describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import { formatHex } from "../../src/codec/hex.ts";
import { AmisAnswer } from "../../src/sources/amis-answer.ts";
import { AmisMaster } from "../../src/sources/amis-master.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";

const START = Date.UTC(2026, 10, 22, 12, 0, 0);
const meter = new SimulatedMeter({ layout: "amis", start: START });
const E5 = Uint8Array.of(0xe5);

/** Advances the time to `until`, seconds; `reader` returns its answer to a frame. */
function play(master: AmisMaster, until: number, reader: (frame: Uint8Array) => Uint8Array | null): string[] {
  const sent: string[] = [];
  while (master.dueAt <= until * 1000) {
    const at = master.dueAt;
    const frame = master.next(at, () => meter.telegram(START + at));
    sent.push(`${at / 1000} ${frame.length === 5 ? "search" : "data"}`);
    master.sent(at + 100);
    const answer = reader(frame);
    if (answer !== null) master.heard(answer, at + 300);
  }
  return sent;
}

describe("an AMIS meter", () => {
  it("only searches once a minute until it is answered", () => {
    const master = new AmisMaster({ searchMs: 60_000, intervalMs: 1000 });
    expect(play(master, 180, () => null)).toEqual(["0 search", "60 search", "120 search", "180 search"]);
    expect(play(master, 300, () => Uint8Array.of(0x00))).toEqual(["240 search", "300 search"]);
  });

  it("sends once a second while it is answered, and searches again after ten unanswered telegrams", () => {
    const master = new AmisMaster({ searchMs: 60_000, intervalMs: 1000 });
    expect(play(master, 5, () => E5)).toEqual(["0 search", "1 data", "2 data", "3 data", "4 data", "5 data"]);
    const rest = play(master, 80, () => null);
    // The telegram of second 5 was answered; those of 6 to 15 are not.
    expect(rest).toEqual([...Array.from({ length: 10 }, (_, i) => `${6 + i} data`), "16 search", "76 search"]);
  });

  it("tolerates nine, and ignores late answers", () => {
    const master = new AmisMaster({ searchMs: 60_000, intervalMs: 1000 });
    let frame = 0;
    expect(play(master, 40, () => (frame++ % 10 === 0 ? E5 : null)).filter((one) => one.endsWith("search"))).toEqual([
      "0 search",
    ]);
    const late = new AmisMaster({ searchMs: 60_000, intervalMs: 1000 });
    late.next(0, () => new Uint8Array(0));
    late.sent(6);
    late.heard(E5, 507);
    expect(late.sending).toBe(false);
    late.heard(E5, 506);
    expect(late.sending).toBe(true);
  });

  it("works with our reader", () => {
    const master = new AmisMaster({ searchMs: 60_000, intervalMs: 1000 });
    const [answer, decoder] = [
      new AmisAnswer(),
      createDecoder({ key: Buffer.from("36C66639E48A8CA4D6BC8B282A793BBB", "hex") }),
    ];
    let at = 0;
    let read = 0;
    const sent = play(master, 100, (frame) => {
      at += 1000;
      for (const event of decoder.feed(frame)) {
        expect(event.type).toBe("telegram");
        if (event.type === "telegram") {
          expect(event.telegram).toMatchObject({ layout: "amis", meterId: null, security: "encrypted" });
          expect(event.telegram.registers).toHaveLength(9);
        }
        read++;
      }
      return answer.heard(frame, at) ? E5 : null;
    });
    expect(sent).toHaveLength(101);
    expect(read).toBe(100);
  });

  it("counts its frames with the count bit", () => {
    const frames = [0, 1, 2].map((i) => formatHex(meter.telegram(START + 200_000 + i * 1000), 4, 5));
    expect(new Set(frames)).toEqual(new Set(["53", "73"]));
    expect(frames[0]).toBe(frames[2]);
  });
});
