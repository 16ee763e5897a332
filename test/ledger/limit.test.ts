import { expect, it } from "vitest";
import { Ledger } from "../../src/ledger/ledger.ts";
import { METER, readingOf } from "../helpers/readings.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

it("logs once that it keeps at most sixteen meters", async () => {
  const warnings: string[] = [];
  const log = {
    error: () => undefined,
    warn: (text: string) => void warnings.push(text),
    info: () => undefined,
    debug: () => undefined,
  };
  const ledger = new Ledger({ dataDir: temporaryFolder(), windows: [], log });
  for (let n = 0; n < 20; n++) ledger.take(readingOf(undefined, { meter: { ...METER, id: `m${n}` } }));
  await ledger.stop();
  expect(warnings).toEqual(["the ledger keeps 16 meters: m16 and all later ones have none"]);
});
