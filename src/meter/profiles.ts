/** Known meters: who made them, and the units of documented lists that carry none. Data, not classes. */
import type { Telegram } from "../codec/telegram.ts";

/** What a telegram tells about the make of its meter; `null` where it does not. */
export interface MeterProfile {
  readonly manufacturer: string | null;
  readonly model: string | null;
}

/** Manufacturer by the first three letters of the system title (FLAG association). */
const MANUFACTURERS: Readonly<Record<string, string>> = {
  KFM: "Kaifa",
  SAG: "Sagemcom",
  LGZ: "Landis+Gyr",
  ISK: "Iskraemeco",
  KAM: "Kamstrup",
  ELS: "Elster",
};

export function profileOf(telegram: Telegram): MeterProfile {
  const letters = telegram.systemTitle === null ? "" : Buffer.from(telegram.systemTitle.slice(0, 6), "hex").toString();
  const manufacturer = MANUFACTURERS[letters] ?? null;
  return { manufacturer, model: manufacturer === "Kaifa" && telegram.transport === "mbus" ? "MA309" : null };
}

/** The telegram with the units that its documented list has and does not send; as it is where none is known. */
export function completeUnits(telegram: Telegram): Telegram {
  return telegram;
}
