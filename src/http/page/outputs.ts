/** The outputs for other machines: address, number of clients and age of the reading. */
import type { PageOutput, PageState } from "../page-model.ts";
import { byId, make, setText } from "./dom.ts";
import { type Language, number, say } from "./words.ts";

const NAMES: Readonly<Record<string, string>> = {
  p1: "P1 (DSMR)",
  homewizard: "HomeWizard",
  sunspec: "SunSpec Modbus",
  shelly: "Shelly Pro 3EM",
};

/**
 * @param elapsedMs time since the state was received, added to ages
 * @param lost whether the bridge no longer answers: then the state of its outputs is unknown
 */
export function showOutputs({ outputs }: PageState, elapsedMs: number, language: Language, lost: boolean): void {
  byId("outputs-card").hidden = outputs.length === 0;
  const list = byId("outputs");
  list.classList.toggle("stale", lost);
  while (list.children.length > outputs.length) list.lastElementChild?.remove();
  while (list.children.length < outputs.length) list.append(make("li", {}));
  outputs.forEach((output, index) => {
    const row = list.children[index];
    if (row instanceof HTMLElement) setText(row, describe(output, elapsedMs, language, lost));
  });
}

function describe(
  { output, address, listening, meter, clients, ageMs, fresh }: PageOutput,
  elapsedMs: number,
  language: Language,
  lost: boolean,
): string {
  const name = `${NAMES[output] ?? output} ${address}`;
  if (lost) return `${name} · ${say(language, "lightUnknown")}`;
  const state = !listening
    ? say(language, "outputClosed")
    : ageMs === null
      ? say(language, "outputWaiting")
      : say(language, "outputAge", number(language, ((ageMs + elapsedMs) / 1000).toFixed(0)));
  const parts = [name, meter, say(language, "outputClients", String(clients)), state];
  if (listening && ageMs !== null && !fresh) parts.push(say(language, "outputStale"));
  return parts.filter((part) => part !== null).join(" · ");
}
