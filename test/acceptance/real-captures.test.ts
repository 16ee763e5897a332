/** No real capture is implausible by itself: the checks must fit the meters, not the other way round. */
import { expect, it } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { decodePieces } from "../helpers/splits.ts";

const captures = fixtureNames()
  .map(loadFixture)
  .filter(({ expected }) => expected.some((one) => "values" in one));

it.each(captures)("the telegram $name is plausible, alone and when it is heard again", ({ wire, keys }) => {
  for (const event of decodePieces([wire], keys)) {
    if (event.type !== "telegram") continue;
    const acceptance = createAcceptance({});
    const verdicts = [...acceptance.judge(event.telegram, 0), ...acceptance.judge(event.telegram, 10_000)];
    verdicts.push(...acceptance.expire(Number.POSITIVE_INFINITY));
    expect(verdicts.length).toBeGreaterThan(0);
    const refused = verdicts.flatMap((verdict) => (verdict.type === "rejected" ? [verdict.check] : []));
    // What is authenticated is believed once: the same telegram again could be anybody's.
    expect(refused).toEqual(event.telegram.proof === "tag" ? ["counter"] : []);
  }
});
