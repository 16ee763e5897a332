/** DOM helpers, instead of a framework. */

/** The element of index.html with this id. @throws Error if it is not there */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element as T;
}

type Attributes = Readonly<Record<string, string | boolean>>;

/** A new element with attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Sets a text only if it differs, so that screen readers do not repeat it and selections survive. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Choices kept in this browser's local storage, if available. */
export const choices = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(`kaifa2mqtt.${name}`);
    } catch {
      return null;
    }
  },
  set(name: string, value: string): void {
    try {
      localStorage.setItem(`kaifa2mqtt.${name}`, value);
    } catch {
      // Private windows may refuse storage: the choice then lasts as long as the page.
    }
  },
};

/** Radio buttons that look like a segmented switch. */
export function segments<T extends string>(
  fieldset: HTMLElement,
  name: string,
  options: readonly T[],
  label: (option: T) => string,
  onChange: (option: T) => void,
): { readonly value: T; relabel(): void } {
  const remembered = choices.get(name);
  let value = options.find((option) => option === remembered) ?? (options[0] as T);
  const captions = new Map<T, HTMLElement>();
  for (const option of options) {
    const input = make("input", { type: "radio", name, value: option, checked: option === value });
    input.addEventListener("change", () => {
      value = option;
      choices.set(name, option);
      onChange(option);
    });
    const caption = make("span", {}, label(option));
    captions.set(option, caption);
    fieldset.append(make("label", {}, input, caption));
  }
  return {
    get value() {
      return value;
    },
    relabel() {
      for (const [option, caption] of captions) setText(caption, label(option));
    },
  };
}
