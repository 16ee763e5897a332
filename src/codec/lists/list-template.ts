/**
 * Template of a `lists:` block for telegrams that decrypt but match no list: each position with its type, raw value and
 * possible meaning. The guesses are only comments in the template; they are never used to decode.
 */
import type { ListPosition } from "./unknown-list.ts";

/** Maximum number of telegrams of one form to compare. */
export const MAX_SAMPLES = 16;

/** One position, across all telegrams of the same form. */
export interface TemplateRow {
  readonly path: readonly number[];
  readonly type: string;
  /** The value in the last telegram. */
  readonly raw: string;
  /** Possible meanings, in words. */
  readonly guesses: readonly string[];
  /** The matching `lists:` element; `null` without a guess. */
  readonly element: string | null;
}

/** Whether two telegrams have the same positions and types, which makes them samples of one list. */
export function sameForm(a: readonly ListPosition[], b: readonly ListPosition[]): boolean {
  return a.length === b.length && a.every(({ path, type }, i) => type === b[i]?.type && `${path}` === `${b[i]?.path}`);
}

/** @param samples at least one, all of the same form, in order of arrival */
export function describePositions(samples: readonly (readonly ListPosition[])[]): TemplateRow[] {
  const last = samples.at(-1) ?? [];
  const guesses = last.map((): Guess[] => []);
  guessTexts(last, guesses);
  guessSums(last, guesses);
  guessVoltages(last, guesses);
  guessCounters(samples, guesses);
  return last.map(({ path, type, raw }, i) => {
    const own = guesses[i] ?? [];
    return {
      path,
      type: type ?? "-",
      raw,
      guesses: [...new Set(own.map(({ words }) => words))],
      element: own.find(({ element }) => element !== undefined)?.element ?? null,
    };
  });
}

interface Guess {
  readonly words: string;
  readonly element?: string;
}

/** Guesses list names, meter numbers and clocks. */
function guessTexts(positions: readonly ListPosition[], guesses: Guess[][]): void {
  let hasNumber = false;
  positions.forEach(({ text, clock }, i) => {
    if (clock) guesses[i]?.push({ words: "the meter's clock", element: "{ role: clock }" });
    if (text === null) return;
    const isNumber = /^[0-9A-Za-z]{0,6}\d{5,}$/.test(text);
    if (isNumber && !hasNumber) {
      hasNumber = true;
      guesses[i]?.push({ words: "the meter's number", element: "{ role: meter_id }" });
    } else if (i === 0) {
      guesses[i]?.push({ words: "the name of the list", element: `{ text: ${JSON.stringify(text)} }` });
    } else {
      guesses[i]?.push({ words: "the type of the meter, or a constant", element: "{ role: meter_type }" });
    }
  });
}

/** 230 V ±10 %, with 0 to 3 decimal places. */
const VOLTAGE = { least: 207, most: 253, scalers: [0, -1, -2, -3] } as const;
const FREQUENCY = { least: 49.5, most: 50.5, scalers: [0, -1, -2, -3] } as const;

function scalerOf(number: number | null, { least, most, scalers }: typeof VOLTAGE | typeof FREQUENCY): number | null {
  if (number === null) return null;
  const found = scalers.find((scaler) => number >= least / 10 ** scaler && number <= most / 10 ** scaler);
  return found ?? null;
}

/** Guesses three consecutive values near 230, 2300 … as voltages, and three of one type before or after them as currents. */
function guessVoltages(positions: readonly ListPosition[], guesses: Guess[][]): void {
  const scalers = positions.map(({ number, type }) => (type === "bool" ? null : scalerOf(number, VOLTAGE)));
  const isRow = (at: number): boolean =>
    [1, 2].every((i) => scalers[at + i] === scalers[at] && positions[at + i]?.type === positions[at]?.type);
  let phases = false;
  for (let at = 0; at < positions.length; at++) {
    const scaler = scalers[at];
    if (scaler === null || scaler === undefined) continue;
    if (isRow(at)) {
      for (const phase of [0, 1, 2])
        guesses[at + phase]?.push(
          element(
            `${32 + 20 * phase}.7.0`,
            "V",
            scaler,
            positions[at + phase],
            `voltage L${phase + 1}: three alike in a row`,
          ),
        );
      phases = true;
      at += 2;
    } else if (!phases) {
      guesses[at]?.push(element("32.7.0", "V", scaler, positions[at], "a voltage"));
    }
  }
  positions.forEach((position, at) => {
    const scaler = scalerOf(position.number, FREQUENCY);
    if (scaler !== null && scaler < 0 && guesses[at]?.length === 0) {
      guesses[at]?.push(element("14.7.0", "Hz", scaler, position, "a frequency"));
    }
  });
  for (let at = 0; at + 2 < positions.length; at++) {
    const three = [0, 1, 2].map((i) => positions[at + i]);
    const type = three[0]?.type;
    const free = [0, 1, 2].every(
      (i) => guesses[at + i]?.length === 0 && three[i]?.type === type && three[i]?.number !== null,
    );
    const bounded = positions[at - 1]?.type !== type && positions[at + 3]?.type !== type;
    const neighbour =
      guesses[at - 1]?.[0]?.words.includes("voltage L3") || guesses[at + 3]?.[0]?.words.includes("voltage L1");
    if (!free || !(bounded || neighbour)) continue;
    for (const phase of [0, 1, 2]) {
      guesses[at + phase]?.push({
        words: `of phase L${phase + 1}, perhaps a current (${31 + 20 * phase}.7.0): three of one type in a row`,
      });
    }
    at += 2;
  }
}

function element(obis: string, unit: string, scaler: number, position: ListPosition | undefined, words: string): Guess {
  const type = position?.type === null || position === undefined ? "" : `, type: ${position.type}`;
  const raw = scaler === 0 ? "" : ` in 10^${scaler} ${unit}`;
  return { words: `${words}${raw}`, element: `{ obis: ${obis}, unit: ${unit}, scaler: ${scaler}${type} }` };
}

/** Guesses totals: a value next to three others that add up to it. */
function guessSums(positions: readonly ListPosition[], guesses: Guess[][]): void {
  const number = (at: number): number | null => positions[at]?.number ?? null;
  for (let at = 0; at < positions.length; at++) {
    for (const from of [at + 1, at - 3]) {
      const parts = [number(from), number(from + 1), number(from + 2)];
      const total = number(at);
      if (total === null || total === 0 || from < 0 || parts.some((part) => part === null)) continue;
      if (parts.filter((part) => part !== 0).length < 2) continue;
      if (total !== parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)) continue;
      guesses[at]?.push({ words: `the sum of the three at ${from} to ${from + 2}` });
      for (const i of [0, 1, 2]) guesses[from + i]?.push({ words: `a part of the total at ${at}` });
    }
  }
}

/** Guesses energies: values that never decrease from one telegram to the next. */
function guessCounters(samples: readonly (readonly ListPosition[])[], guesses: Guess[][]): void {
  if (samples.length < 2) return;
  const count = samples[0]?.length ?? 0;
  for (let at = 0; at < count; at++) {
    const values = samples.map((sample) => sample[at]?.number ?? null);
    const [first = null, ...others] = values;
    if (first === null || others.some((value) => value === null)) continue;
    const grew = others.every((value, i) => (value as number) >= (values[i] as number));
    const final = values.at(-1) as number;
    if (!grew || final === first || first < 100) continue;
    guesses[at]?.push({
      words: `a counter, perhaps an energy: it only increased, by ${final - first} in ${samples.length} telegrams`,
    });
  }
}

/**
 * The configuration block for the user to complete, one line per position.
 * @param samples as for `describePositions`
 */
export function listTemplate(samples: readonly (readonly ListPosition[])[], name = "my-list"): string {
  const rows = describePositions(samples);
  const lines = [
    "lists:",
    `  - name: ${name}`,
    "    elements:                # comments give position, type, value and guesses: check them",
  ];
  let next = 0;
  const nested = rows.some(({ path }) => path.length > 1);
  for (const [index, row] of rows.entries()) {
    const isName = index === 0 && row.guesses[0] === "the name of the list";
    // A nested position, or one that does not follow the previous index, needs an explicit path.
    const path = row.path.length > 1 || row.path[0] !== next ? `path: [${row.path.join(", ")}]` : "";
    const skipped = path === "" ? "skip" : `{ skip: true, ${path} }`;
    const written = isName && row.element !== null ? row.element : skipped;
    next = (row.path[0] ?? 0) + 1;
    const guess =
      row.element === null || isName
        ? ""
        : `  -> ${path === "" ? row.element : row.element.replace(/ }$/, `, ${path} }`)}`;
    const words = row.guesses.length === 0 ? "" : `; perhaps ${row.guesses.join("; ")}`;
    const position = nested ? row.path.join(".") : `${row.path[0]}`;
    lines.push(
      `      - ${written.padEnd(22)} # ${position} ${row.type} ${oneLine(row.raw)}${isName ? "" : words}${guess}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** Shortens long values: they only need to be recognisable. */
function oneLine(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, "?");
  return clean.length > 40 ? `${clean.slice(0, 40)}…` : clean;
}
