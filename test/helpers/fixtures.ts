/** The folders of test/fixtures/telegrams: a capture, its keys if they are public, and the expected result. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { DecoderEvent, DecoderOptions } from "../../src/codec/decoder-event.ts";
import { parseHex } from "../../src/codec/hex.ts";
import { decimalToNumber } from "../../src/codec/values/decimal.ts";

const FOLDER = new URL("../fixtures/telegrams/", import.meta.url);

export interface Fixture {
  readonly name: string;
  readonly wire: Uint8Array;
  readonly keys: DecoderOptions;
  /** As printed by `decode --json`; for an error only the code. */
  readonly expected: readonly Record<string, unknown>[];
}

export function fixtureNames(): string[] {
  return readdirSync(FOLDER).sort();
}

export function loadFixture(name: string): Fixture {
  const folder = new URL(`${name}/`, FOLDER);
  const read = (file: string): Uint8Array =>
    parseHex(readFileSync(new URL(file, folder), "utf8").replace(/^#.*$/gm, ""));
  const optional = (file: string) => (existsSync(new URL(file, folder)) ? read(file) : undefined);
  return {
    name,
    wire: read("telegram.hex"),
    keys: { key: optional("key.hex"), authenticationKey: optional("auth-key.hex") },
    expected: JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")),
  };
}

/** Telegrams and faults in the form of `expected.json`. */
export function summarize(events: readonly DecoderEvent[]): Record<string, unknown>[] {
  return events.flatMap((event): Record<string, unknown>[] => {
    if (event.type === "skipped") return [];
    if (event.type === "fault") return [{ error: event.code }];
    const { transport, systemTitle, invocationCounter, security, meterTime, meterId, registers } = event.telegram;
    const values = registers.map(({ obis, value, unit }) => ({
      obis,
      value: typeof value === "string" ? value : decimalToNumber(value),
      unit,
    }));
    return [{ transport, systemTitle, invocationCounter, security, meterTime, meterId, values }];
  });
}
