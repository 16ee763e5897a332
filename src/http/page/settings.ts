/** The configuration in force and the origin of each value; the bridge masks secrets. Loaded when opened. */
import type { PageSettings } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId, make } from "./dom.ts";

export function watchSettings(): void {
  const card = byId<HTMLDetailsElement>("settings-card");
  const show = async (): Promise<void> => {
    if (!card.open) return;
    const settings = await load<PageSettings>("api/settings");
    if (settings === null) return;
    byId("settings").replaceChildren(
      ...settings.values.map(({ path, value, origin }) =>
        make("tr", {}, make("td", {}, make("code", {}, path)), make("td", {}, value), make("td", {}, origin)),
      ),
    );
  };
  card.addEventListener("toggle", () => void show());
}
