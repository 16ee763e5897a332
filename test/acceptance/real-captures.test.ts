/** Every real capture must pass the checks: a check that rejects one is wrong. */
import { expect, it } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { decodePieces } from "../helpers/splits.ts";

const captures = fixtureNames()
  .map(loadFixture)
  .filter(({ expected }) => expected.some((one) => "values" in one));

it.each(captures)("the telegram $name is plausible, alone and when it is repeated", ({ wire, keys }) => {
  for (const event of decodePieces([wire], keys)) {
    if (event.type !== "telegram") continue;
    const acceptance = createAcceptance({});
    const verdicts = [...acceptance.judge(event.telegram, 0), ...acceptance.judge(event.telegram, 10_000)];
    verdicts.push(...acceptance.expire(Number.POSITIVE_INFINITY));
    expect(verdicts.length).toBeGreaterThan(0);
    const refused = verdicts.flatMap((verdict) => (verdict.type === "rejected" ? [verdict.check] : []));
    // An authenticated telegram is accepted once: a second copy could be a replay by anybody.
    expect(refused).toEqual(event.telegram.proof === "tag" ? ["counter"] : []);
  }
});
