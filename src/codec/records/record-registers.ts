/**
 * Maps M-Bus records to registers with OBIS codes. A record is decoded if its DIF, VIF and extensions describe a current
 * electricity value of the meter itself. Every other record is only listed, by its DIF and VIF.
 */
import { CodecError } from "../codec-error.ts";
import { formatHex } from "../hex.ts";
import type { Register } from "../telegram.ts";
import { type DataRecord, recordNumber, recordText } from "./data-record.ts";
import { decodeRecordTime } from "./record-time.ts";
import { type Quantity, type ValueInformation, valueInformation } from "./value-information.ts";

/** Decoded records of a telegram. */
export interface RecordBody {
  readonly registers: readonly Register[];
  /** The meter's time as a 12-byte DLMS date-time; `null` if it sends none. */
  readonly clock: Uint8Array | null;
  readonly meterId: string | null;
  /** Records not decoded into registers, by DIF and VIF: `84 10 FB 82 73: reactive energy`. */
  readonly unread: readonly string[];
}

/** OBIS value group C for import and export, and D (IEC 62056-6-1). L1, L2 and L3 add 20, 40 and 60 to C. */
const CODES: Readonly<Partial<Record<Quantity, readonly [forward: number, backward: number, d: number]>>> = {
  energy: [1, 2, 8],
  "reactive energy": [3, 4, 8],
  "apparent energy": [9, 10, 8],
  power: [1, 2, 7],
  "reactive power": [3, 4, 7],
  "apparent power": [9, 10, 7],
  voltage: [12, 12, 7],
  current: [11, 11, 7],
  frequency: [14, 14, 7],
};
/** Manufacturer `SAM` in the header of the AMIS (Netz OÖ, "AMIS-Zähler Kundenschnittstelle", 2.4.2.9). */
const AMIS_MANUFACTURER = 0x4c2d;
/** Prepayment register of the AMIS, VIF 83 FF 04 ("Inkassozählwerk"). */
const AMIS_PREPAYMENT = { code: 4, obis: "1-0:1.128.0*255" } as const;

/**
 * @param manufacturer from the header, 16 bits; defines the meaning of manufacturer-specific VIFEs
 * @throws CodecError `malformed` if two records map to the same register, which no meter sends
 */
export function readRecords(records: readonly DataRecord[], bytes: Uint8Array, manufacturer: number): RecordBody {
  const registers: Register[] = [];
  const codes = new Set<string>();
  const unread: string[] = [];
  let clock: Uint8Array | null = null;
  let meterId: string | null = null;
  for (const record of records) {
    const information = valueInformation(record.vif);
    const ofNow = record.function === "current" && record.storage === 0 && record.subunit === 0;
    if (information?.quantity === "time" && ofNow && clock === null) {
      clock = decodeRecordTime(bytes, record.dataStart, record.dataEnd - record.dataStart);
      if (clock === null && record.dataEnd - record.dataStart === 6) {
        throw new CodecError("malformed", `M-Bus record at byte ${record.start}: invalid date and time`);
      }
      if (clock !== null) continue;
    }
    if (information?.quantity === "fabrication number" && ofNow && meterId === null) {
      meterId = recordText(record, bytes);
      if (meterId !== null) continue;
    }
    const register = ofNow && information !== null ? readRegister(record, information, bytes, manufacturer) : null;
    if (register === null) {
      unread.push(nameOf(record, information, bytes));
    } else if (codes.has(register.obis)) {
      throw new CodecError("malformed", `M-Bus record at byte ${record.start}: duplicate ${register.obis}`);
    } else {
      codes.add(register.obis);
      registers.push(register);
    }
  }
  return { registers, clock, meterId, unread };
}

function readRegister(
  record: DataRecord,
  information: ValueInformation,
  bytes: Uint8Array,
  manufacturer: number,
): Register | null {
  const obis = obisOf(record, information, manufacturer);
  if (obis === null) return null;
  // Energy and power are unsigned, with the direction in the VIFE; everything else is signed (type B).
  const amount = information.manufacturer.length === 0 && /energy|power/.test(information.quantity);
  const number = recordNumber(record, bytes, !amount);
  if (number === null) return null;
  const scaler = information.exponent;
  return {
    obis,
    value: { coefficient: number.coefficient, exponent: number.exponent + scaler },
    unit: information.unit,
    scaler,
  };
}

function obisOf(record: DataRecord, information: ValueInformation, manufacturer: number): string | null {
  const { quantity, backward, phase } = information;
  const codes = CODES[quantity];
  if (codes === undefined) return null;
  if (information.manufacturer.length > 0) {
    const isPrepayment =
      manufacturer === AMIS_MANUFACTURER &&
      quantity === "energy" &&
      information.manufacturer.length === 1 &&
      information.manufacturer[0] === AMIS_PREPAYMENT.code;
    return isPrepayment && record.tariff === 0 ? AMIS_PREPAYMENT.obis : null;
  }
  const [forward, back, d] = codes;
  if (d !== 8 && record.tariff !== 0) return null;
  if (backward && forward === back) return null;
  return `1-0:${(backward ? back : forward) + 20 * phase}.${d}.${record.tariff}*255`;
}

/** `84 10 FB 82 73: reactive energy`; only the bytes if the meaning is unknown. */
function nameOf(record: DataRecord, information: ValueInformation | null, bytes: Uint8Array): string {
  const code = formatHex(bytes, record.start, record.dataStart).replace(/..(?=.)/g, "$& ");
  const meaning = record.plainText ?? information?.quantity;
  return meaning === undefined || information?.manufacturer.length ? code : `${code}: ${meaning}`;
}
