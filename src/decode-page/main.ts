/** The decode page: connects its parts. Nothing is stored but the choice of language, and nothing is sent. */
import type { DecoderOptions } from "../codec/decoder-event.ts";
import { describeWrongKey, keyBytes } from "../config/hex-key.ts";
import { formatLine } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { byId, choices, make, setText } from "../http/page/dom.ts";
import type { Language } from "../http/page/words.ts";
import type { LineSettings } from "../sources/source.ts";
import { bytesOfText, decodeCapture, MAX_CAPTURE } from "./capture-decoder.ts";
import { EXAMPLE } from "./example.ts";
import { listen } from "./listen.ts";
import { Results } from "./results.ts";
import { webSerial } from "./web-serial.ts";
import { isWord, say } from "./words.ts";

/** Debounce: input is decoded after a pause of this length. */
const TYPING_MS = 250;
/** The version of the program, written in by the build. */
declare const KAIFA2MQTT_VERSION: string;

/** Line settings that can be chosen instead of "automatic". */
const LINES: readonly LineSettings[] = (
  [
    [2400, "even"],
    [2400, "none"],
    [9600, "none"],
    [9600, "even"],
    [115200, "none"],
  ] as const
).map(([baudRate, parity]) => ({ baudRate, dataBits: 8, parity, stopBits: 1 }));

let language: Language = choices.get("language") === "de" || prefersGerman() ? "de" : "en";
/** What is decoded: the text field, or a file. */
let file: { readonly name: string; readonly bytes: Uint8Array } | null = null;
let listening: AbortController | null = null;
let verdict: { readonly diagnosis: Diagnosis; readonly line: LineSettings | null } | null = null;
const results = new Results();

const input = byId<HTMLTextAreaElement>("input");
const keyField = byId<HTMLInputElement>("key");
const authenticationField = byId<HTMLInputElement>("authentication-key");
const lineChoice = byId<HTMLSelectElement>("line");

function prefersGerman(): boolean {
  return choices.get("language") === null && navigator.language.startsWith("de");
}

function translate(): void {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) {
    const word = element.dataset.t ?? "";
    if (isWord(word)) setText(element, say(language, word));
  }
  document.title = `${say(language, "title")} – kaifa2mqtt`;
  setText(byId("version"), say(language, "version", KAIFA2MQTT_VERSION));
  setText(byId("language"), language === "de" ? "EN" : "DE");
  byId("language").setAttribute("aria-label", language === "de" ? "EN: English" : "DE: Deutsch");
  setText(byId("listen-text"), say(language, webSerial() === null ? "noSerial" : "listenText"));
  const chosen = lineChoice.value;
  lineChoice.replaceChildren(
    make("option", { value: "" }, say(language, "auto")),
    ...LINES.map((line) => {
      const amis = line.baudRate === 9600 && line.parity === "even" ? ` (${say(language, "amis")})` : "";
      return make("option", { value: formatLine(line) }, formatLine(line) + amis);
    }),
  );
  lineChoice.value = chosen;
}

/** The keys as typed; `null` if one is invalid, which is then reported. */
function keys(): DecoderOptions | null {
  const read = (field: HTMLInputElement): Uint8Array | undefined | null => {
    const text = field.value.trim();
    const bytes = text === "" ? undefined : keyBytes(text);
    field.setAttribute("aria-invalid", String(bytes === null));
    return bytes;
  };
  const [key, authenticationKey] = [read(keyField), read(authenticationField)];
  const wrong = key === null ? keyField.value : authenticationKey === null ? authenticationField.value : null;
  const count = String(wrong?.replace(/[\s:,;_-]/g, "").length ?? 0);
  setText(byId("key-wrong"), wrong === null ? "" : say(language, "wrongKey", describeWrongKey(wrong), count));
  return key === null || authenticationKey === null ? null : { key, authenticationKey };
}

function decode(): void {
  const given = keys();
  if (listening !== null) return;
  const bytes = file?.bytes ?? bytesOfText(input.value);
  if (bytes.length === 0) results.hide();
  else if (given !== null) results.show(decodeCapture(bytes, given), given, language, false);
}

async function take(dropped: File): Promise<void> {
  stopListening();
  if (dropped.size > MAX_CAPTURE) {
    file = null;
    input.value = say(language, "tooLarge", (dropped.size / 1024 / 1024).toFixed(1));
    results.hide();
    return;
  }
  try {
    file = { name: dropped.name, bytes: new Uint8Array(await dropped.arrayBuffer()) };
  } catch {
    file = null;
  }
  // The text field shows the file's name; typing into it replaces the file.
  input.value = file === null ? say(language, "unreadable") : "";
  input.placeholder = file?.name ?? "";
  decode();
}

function stopListening(): void {
  listening?.abort();
}

async function startListening(): Promise<void> {
  const given = keys();
  const serial = webSerial();
  if (given === null || serial === null) return;
  // The browser asks which adapter; the user may cancel.
  const port = await serial.requestPort().catch(() => null);
  if (port === null) return;
  stopListening();
  const session = new AbortController();
  listening = session;
  verdict = null;
  showVerdict();
  showListening(true);
  results.hide();
  const line = LINES.find((each) => formatLine(each) === lineChoice.value) ?? null;
  try {
    await listen(port, line, given, session.signal, {
      onProgress: (at, elapsedMs, bytes) => {
        const seconds = Math.floor(elapsedMs / 1000);
        setText(byId("listen-progress"), say(language, "progress", formatLine(at), String(seconds), String(bytes)));
      },
      onDiagnosis: (diagnosis, at) => {
        verdict = { diagnosis, line: at };
        setText(byId("listen-progress"), "");
        showVerdict();
      },
      onHeard: (heard) => results.show(heard, given, language, true),
    });
  } finally {
    if (listening === session) {
      listening = null;
      setText(byId("listen-progress"), "");
      showListening(false);
    }
  }
}

function showListening(on: boolean): void {
  byId("listen").hidden = on;
  byId("stop").hidden = !on;
  lineChoice.disabled = on;
}

function showVerdict(): void {
  const box = byId("listen-verdict");
  box.hidden = verdict === null;
  if (verdict === null) return;
  const { diagnosis, line } = verdict;
  const { code, text, cure } = diagnosis;
  box.className = `banner ${code === "ok" ? "ok" : code === "starting" ? "wait" : "bad"}`;
  const cannotOpen = code === "busy";
  const at = line === null ? "" : say(language, "telegramsAt", formatLine(line));
  setText(byId("listen-diagnosis"), cannotOpen ? say(language, "cannotOpen") : `${text[language]} ${at}`.trim());
  setText(byId("listen-cure"), cannotOpen ? say(language, "cannotOpenCure") : cure[language]);
}

byId("language").addEventListener("click", () => {
  language = language === "de" ? "en" : "de";
  choices.set("language", language);
  translate();
  keys();
  showVerdict();
  results.redraw(language, listening !== null);
});
let typing: ReturnType<typeof setTimeout> | undefined;
for (const field of [input, keyField, authenticationField]) {
  field.addEventListener("input", () => {
    if (field === input) {
      file = null;
      input.placeholder = "";
    }
    clearTimeout(typing);
    typing = setTimeout(decode, TYPING_MS);
  });
}
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  decode();
});
byId<HTMLInputElement>("show-keys").addEventListener("change", ({ target }) => {
  const type = (target as HTMLInputElement).checked ? "text" : "password";
  for (const field of [keyField, authenticationField]) field.type = type;
});
byId<HTMLInputElement>("file").addEventListener("change", ({ target }) => {
  const [chosen] = (target as HTMLInputElement).files ?? [];
  if (chosen !== undefined) void take(chosen);
  (target as HTMLInputElement).value = "";
});
byId("example").addEventListener("click", () => {
  file = null;
  keyField.value = EXAMPLE.key;
  authenticationField.value = "";
  input.value = EXAMPLE.hex;
  decode();
});
byId("clear").addEventListener("click", () => {
  file = null;
  for (const field of [input, keyField, authenticationField]) field.value = "";
  input.placeholder = "";
  decode();
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const [dropped] = event.dataTransfer?.files ?? [];
  if (dropped !== undefined) void take(dropped);
});
byId("listen").addEventListener("click", () => void startListening());
byId("stop").addEventListener("click", stopListening);
byId("listen-controls").hidden = webSerial() === null;
// A saved copy works without the bridge, and can use the serial port wherever it is opened from.
byId("save").hidden = !location.protocol.startsWith("http");

// Scrollable areas must be reachable by keyboard.
for (const region of document.querySelectorAll(".scroll")) region.setAttribute("tabindex", "0");

const dark = matchMedia("(prefers-color-scheme: dark)");
const applyScheme = (): void => {
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
};
dark.addEventListener("change", applyScheme);
applyScheme();
translate();
