/**
 * Known meters: manufacturers, models, and the units of documented lists that are sent without units. `decode` shows a
 * telegram as transmitted; the units from here are added only for publishing. They are looked up by list name, and each
 * entry names its source. If documents contradict each other (Kamstrup energies: 10 Wh in Norway and Denmark, Wh in some
 * Swedish meters), no unit is added.
 */
import type { Decimal, Register, Telegram } from "../codec/telegram.ts";

/** Manufacturer and model; `null` if the telegram does not reveal them. */
export interface MeterProfile {
  readonly manufacturer: string | null;
  readonly model: string | null;
}

/** Manufacturer by three-letter FLAG ID, from the system title, the logical device name or the P1 header line. */
const MANUFACTURERS: Readonly<Record<string, string>> = {
  ADN: "Aidon",
  EGM: "Elgama",
  ELS: "Honeywell Elster",
  EMR: "Energomera",
  ESY: "EasyMeter",
  ISK: "Iskraemeco",
  KAM: "Kamstrup",
  KFM: "Kaifa",
  LGF: "Landis+Gyr",
  LGZ: "Landis+Gyr",
  NES: "NES",
  SAG: "Sagemcom",
  SMS: "Siemens",
  XMX: "Landis+Gyr",
};

/** Manufacturer and model by the start of the transmitted list name, or by the name of a documented positional list. */
const BY_LIST: readonly (readonly [start: string, manufacturer: string, model: string | null])[] = [
  ["KFM", "Kaifa", null],
  ["AIDON", "Aidon", null],
  ["Kamstrup", "Kamstrup", "Omnipower"],
  ["LGZ-", "Landis+Gyr", "E450"],
  ["ISK-IE5", "Iskraemeco", "IE.5"],
  ["ISK-", "Iskraemeco", "AM550"],
  ["amis", "Siemens", "AMIS TD-351x"],
];

export function profileOf(telegram: Telegram): MeterProfile {
  const type = telegram.meterType ?? textOf(telegram, "0-0:96.1.7*255");
  const list = telegram.listName ?? textOf(telegram, "0.2.129*255");
  const known = BY_LIST.find(([start]) => telegram.layout.startsWith(start) || list?.startsWith(start));
  const manufacturer =
    manufacturerOf(titleText(telegram.systemTitle)) ??
    manufacturerOf(textOf(telegram, "0-0:42.0.0*255")) ??
    known?.[1] ??
    manufacturerOf(telegram.transport === "p1" ? list : telegram.meterId);
  const listModel = known?.[1] === manufacturer ? known?.[2] : null;
  return { manufacturer, model: type ?? listModel ?? modelOf(telegram, manufacturer) };
}

/** Default IDs for meters whose layout contains neither a meter number nor a system title. */
const NAMELESS: Readonly<Record<string, string>> = { amis: "amis" };

/** ID of a meter whose telegrams never contain a meter number; `null` for any other meter. */
export function namelessId(telegram: Telegram): string | null {
  return telegram.meterId === null && telegram.systemTitle === null ? (NAMELESS[telegram.layout] ?? null) : null;
}

/** Models identified by their interface: wired M-Bus in Austria is the MA309 or T210-D (single-phase: MA110 or S210). */
function modelOf({ transport, registers }: Telegram, manufacturer: string | null): string | null {
  if (transport !== "mbus") return null;
  const polyphase = registers.some(({ obis }) => obis.includes(":52.7.0*"));
  if (manufacturer === "Kaifa") return polyphase ? "MA309" : "MA110";
  if (manufacturer === "Sagemcom") return polyphase ? "T210-D" : "S210";
  return null;
}

function manufacturerOf(text: string | null): string | null {
  return text === null ? null : (MANUFACTURERS[text.slice(0, 3).toUpperCase()] ?? null);
}

function titleText(systemTitle: string | null): string | null {
  return systemTitle === null ? null : Buffer.from(systemTitle.slice(0, 6), "hex").toString("latin1");
}

/** The text value of the first register whose OBIS code has this ending. */
function textOf({ registers }: Telegram, end: string): string | null {
  const value = registers.find(({ obis, value }) => typeof value === "string" && obis.endsWith(end))?.value;
  return typeof value === "string" && value !== "" ? value : null;
}

/** Powers of ten for the quantities whose scaling depends on the list. */
interface Scales {
  readonly energy?: number;
  readonly power?: number;
  readonly voltage?: number;
  readonly current?: number;
  readonly powerFactor?: number;
  readonly frequency?: number;
}

/** A documented list that is sent without scalers and units. */
interface UnitList {
  readonly name: string;
  /** Source document. */
  readonly source: string;
  /** List name sent in the telegram. */
  readonly listName?: string;
  /** Manufacturer, for an entry that applies to all lists of that manufacturer. */
  readonly manufacturer?: string;
  /** Codes (C.D.E) of all numeric values in telegram order, for lists without a name. */
  readonly codes?: string;
  readonly scales: Scales;
}

const IDIS_SCALES: Scales = { energy: 0, power: 0 };
const QUADRANTS = "5.8.0 6.8.0 7.8.0 8.8.0";

/** The first matching entry applies. */
export const UNIT_LISTS: readonly UnitList[] = [
  {
    name: "Kamstrup_V0001",
    source: "Kamstrup HAN-NVE interface description rev. 3.1, 2.7.1; power factor observed (amsreader-firmware)",
    listName: "Kamstrup_V0001",
    scales: { power: 0, voltage: 0, current: -2, powerFactor: -2 },
  },
  {
    name: "KFM_001",
    source: "Kaifa HAN-NVE interface description; telegrams of Mälarenergi (amsreader-firmware #242)",
    listName: "KFM_001",
    scales: { energy: 0, power: 0, voltage: -1, current: -3 },
  },
  {
    name: "LGZ-E450-16-pairs",
    source: "Stromnetz Graz, Kundenschnittstelle_Beschreibung_Kunden_v3 (smartmeter-datacollector #34)",
    codes: "1.8.0 1.8.1 1.8.2 1.7.0 2.8.0 2.8.1 2.8.2 2.7.0 3.8.0 3.8.1 3.8.2 3.7.0 4.8.0 4.8.1 4.8.2 4.7.0",
    scales: IDIS_SCALES,
  },
  {
    name: "LGZ-E450-CH-currents",
    source:
      "Regionalwerke Baden, RWB_Flyer_SmartMeter (amsreader-firmware #740); currents: smartmeter-datacollector #40",
    codes: `1.7.0 2.7.0 1.8.0 2.8.0 ${QUADRANTS} 31.7.0 51.7.0 71.7.0`,
    scales: { ...IDIS_SCALES, current: -2 },
  },
  {
    name: "LGZ-E450-CH-power-factor",
    source: "smartmeter-datacollector, lge450.py",
    codes: `1.7.0 2.7.0 3.7.0 4.7.0 1.8.0 2.8.0 ${QUADRANTS} 13.7.0`,
    scales: { ...IDIS_SCALES, powerFactor: -3 },
  },
  {
    name: "LGZ-E450-CH-2026",
    source: "VSE configuration 2026 (smartmeter-datacollector, lge450.py); whole volts",
    codes: "1.8.0 2.8.0 3.8.0 4.8.0 1.7.0 2.7.0 32.7.0 52.7.0 72.7.0 31.7.0 51.7.0 71.7.0",
    scales: { ...IDIS_SCALES, voltage: 0, current: -2 },
  },
  {
    name: "LGZ-E360-CH-2026",
    source: "VSE configuration 2026 (smartmeter-datacollector, lge360.py); tenths of volts, L3 before L2",
    codes: "1.8.0 2.8.0 3.8.0 4.8.0 1.7.0 2.7.0 32.7.0 72.7.0 52.7.0 31.7.0 51.7.0 71.7.0",
    scales: { ...IDIS_SCALES, voltage: -1, current: -2 },
  },
  {
    name: "LGZ-E570-CH",
    source: "smartmeter-datacollector, lge570.py; whole amperes (meter with current transformers)",
    codes: `1.7.0 2.7.0 3.7.0 4.7.0 1.8.0 2.8.0 ${QUADRANTS} 31.7.0 51.7.0 71.7.0 13.7.0`,
    scales: { ...IDIS_SCALES, current: 0, powerFactor: -3 },
  },
  {
    name: "LGZ-E450-CY",
    source:
      "Electricity Authority of Cyprus (dlms_parser, hdlc_landis_gyr_e450_cyprus); the powers fit volts times amperes",
    codes:
      "21.7.0 41.7.0 61.7.0 22.7.0 42.7.0 62.7.0 1.7.0 2.7.0 3.7.0 4.7.0 13.7.0 31.7.0 51.7.0 71.7.0 32.7.0 52.7.0 72.7.0 14.7.0",
    scales: { power: 0, voltage: 0, current: -2, powerFactor: -3, frequency: 0 },
  },
  {
    name: "EGD",
    source: "EG.D, Czechia, description of the customer interface (dlms_parser, raw_egd_example, raw_sagecom_xt211)",
    codes: "1.7.0 21.7.0 41.7.0 61.7.0 2.7.0 22.7.0 42.7.0 62.7.0 1.8.0 1.8.1 1.8.2 1.8.3 1.8.4 2.8.0",
    scales: IDIS_SCALES,
  },
  {
    name: "LGZ push lists",
    source: "smartmeter-datacollector, lge450.py, lge360.py, lge570.py: W, var, Wh, varh in every list; others differ",
    manufacturer: "Landis+Gyr",
    scales: IDIS_SCALES,
  },
  {
    name: "ISK push lists",
    source: "smartmeter-datacollector, iskraam550.py: W, var, Wh, varh in every list",
    manufacturer: "Iskraemeco",
    scales: IDIS_SCALES,
  },
];

/** Adds the documented units that the telegram does not contain; returns it unchanged if none are known. */
export function completeUnits(telegram: Telegram): Telegram {
  if (telegram.transport === "p1" || !telegram.registers.some(isBare)) return telegram;
  const list = unitListOf(telegram);
  if (list === undefined) return telegram;
  const registers = telegram.registers.map((register) =>
    isBare(register) ? complete(register, list.scales) : register,
  );
  return { ...telegram, registers };
}

/** The documented list that supplies the units for this telegram. */
export function unitListOf(telegram: Telegram): UnitList | undefined {
  const name = telegram.listName ?? textOf(telegram, "0.2.129*255");
  const { manufacturer } = profileOf(telegram);
  const codes = telegram.registers
    .filter(({ obis, value }) => typeof value !== "string" && obis.startsWith("1-"))
    .map(({ obis }) => codeOf(obis))
    .join(" ");
  return UNIT_LISTS.find((list) => {
    if (list.listName !== undefined) return list.listName === name;
    if (list.codes !== undefined) return list.codes === codes;
    return list.manufacturer === manufacturer;
  });
}

/** Whether the value is a number without scaler and unit. */
function isBare({ value, unit, scaler }: Register): boolean {
  return typeof value !== "string" && unit === null && scaler === null;
}

function codeOf(obis: string): string {
  return obis.slice(obis.indexOf(":") + 1, obis.indexOf("*"));
}

function complete(register: Register, scales: Scales): Register {
  if (!register.obis.startsWith("1-")) return register;
  const [kind, unit] = dimensionOf(codeOf(register.obis));
  const scaler = kind === null ? undefined : scales[kind];
  if (scaler === undefined) return register;
  const { coefficient, exponent } = register.value as Decimal;
  // Some Swedish Kamstrup meters send hundredths of a volt with the same list name (amsreader-firmware #970).
  if (kind === "voltage" && scaler === 0 && coefficient > 1000) return register;
  return { ...register, value: { coefficient, exponent: exponent + scaler }, unit, scaler };
}

/** Kind and unit of an electrical quantity by value groups C and D of its OBIS code (Blue Book, 7.5.1). */
function dimensionOf(code: string): readonly [keyof Scales | null, string | null] {
  const [c = 0, d = 0] = code.split(".").map(Number);
  // C of a phase is C of the total plus 20, 40 or 60.
  const quantity = c > 20 && c < 80 ? ((c - 1) % 20) + 1 : c;
  if (c >= 80 || (d !== 7 && d !== 8)) return [null, null];
  if (d === 8) {
    if (quantity === 1 || quantity === 2) return ["energy", "Wh"];
    return quantity >= 3 && quantity <= 8 ? ["energy", "varh"] : [null, null];
  }
  switch (quantity) {
    case 1:
    case 2:
    case 16:
      return ["power", "W"];
    case 3:
    case 4:
      return ["power", "var"];
    case 11:
      return ["current", "A"];
    case 12:
      return ["voltage", "V"];
    case 13:
      return ["powerFactor", null];
    case 14:
      return ["frequency", "Hz"];
    default:
      return [null, null];
  }
}
