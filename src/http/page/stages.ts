/** The path from the adapter to the broker: a light for each stage, with its counters. */
import type { Light, PageMeter, PageState, Stage, StageName } from "../page-model.ts";
import { byId, make, setText } from "./dom.ts";
import { type Language, number, say, type Word } from "./words.ts";

const PASSED: Readonly<Record<StageName, Word>> = {
  adapter: "opened",
  line: "bytes",
  frames: "telegramsCount",
  decryption: "telegramsCount",
  acceptance: "accepted",
  broker: "messages",
};
const FAILED: Readonly<Record<StageName, Word>> = {
  adapter: "damaged",
  line: "damaged",
  frames: "damaged",
  decryption: "unread",
  acceptance: "refused",
  broker: "refused",
};
const LIGHTS: Readonly<Record<Light, Word>> = {
  ok: "lightOk",
  wait: "lightWait",
  bad: "lightBad",
  off: "lightOff",
};
/** Shapes as well as colours: tick, dots, cross, dash. */
const SHAPES: Readonly<Record<Light, string>> = {
  ok: "M3 8.500 6.500 12 13 4.500",
  wait: "M4 8h.01M8 8h.01M12 8h.01",
  bad: "M4 4l8 8M12 4l-8 8",
  off: "M4 8h8",
};
const SVG = "http://www.w3.org/2000/svg";

/** @param lost whether the bridge no longer answers: then the state of its stages is unknown */
export function showStages(meter: PageMeter, language: Language, lost: boolean): void {
  const list = byId("stages");
  if (list.children.length !== meter.stages.length) list.replaceChildren(...meter.stages.map(stageItem));
  meter.stages.forEach((stage, index) => {
    const item = list.children[index];
    if (item instanceof HTMLElement) showStage(item, stage, language, lost);
  });
  setText(byId("path-notes"), say(language, "pathNotes", meter.port, number(language, String(meter.skippedBytes))));
}

function stageItem(stage: Stage): HTMLElement {
  const light = make("span", { class: "light", role: "img" });
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, value] of [
    ["fill", "none"],
    ["stroke", "currentColor"],
    ["stroke-width", "2"],
    ["stroke-linecap", "round"],
    ["stroke-linejoin", "round"],
  ] as const) {
    path.setAttribute(name, value);
  }
  svg.append(path);
  light.append(svg);
  const counters = make("p", {}, make("span", { class: "passed" }), make("span", { class: "failed" }));
  return make("li", { class: "stage", "data-stage": stage.name }, light, make("strong"), counters);
}

/** Shows problems of the broker although it is connected. */
export function showProblems(state: PageState, language: Language): void {
  const problems = state.broker?.problems ?? [];
  const box = byId("problems");
  box.hidden = problems.length === 0;
  const texts = problems.map((problem) => problem[language]);
  if (box.dataset.shape === texts.join("\n")) return;
  box.dataset.shape = texts.join("\n");
  box.replaceChildren(...texts.map((text) => make("li", {}, text)));
}

function showStage(item: HTMLElement, stage: Stage, language: Language, lost: boolean): void {
  const light = lost ? "wait" : stage.light;
  item.dataset.light = light;
  item.querySelector(".light")?.setAttribute("aria-label", say(language, lost ? "lightUnknown" : LIGHTS[light]));
  item.querySelector("path")?.setAttribute("d", SHAPES[light]);
  const text = (selector: string, words: string) => {
    const element = item.querySelector(selector);
    if (element !== null) setText(element, words);
  };
  const count = (value: number) => number(language, String(value));
  text("strong", say(language, stage.name));
  text(
    ".passed",
    stage.light === "off" ? say(language, "lightOff") : say(language, PASSED[stage.name], count(stage.passed)),
  );
  text(".failed", stage.failed > 0 ? ` · ${say(language, FAILED[stage.name], count(stage.failed))}` : "");
}
