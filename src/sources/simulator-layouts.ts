/**
 * Telegram layouts of the grid operators for the simulator: body, ciphering and framing. They follow the captures in
 * test/fixtures/telegrams and the table in docs/meters.md.
 */

import { encodeGeneralCiphering } from "../codec/apdu/ciphering.ts";
import { encodeDataNotification } from "../codec/apdu/data-notification.ts";
import type { AxdrValue, NumericTag } from "../codec/axdr/axdr-encoder.ts";
import { encodeHdlcFrame } from "../codec/link/hdlc-frame.ts";
import { encodeMbusFrames, encodeRecordFrame } from "../codec/link/mbus-frame.ts";
import { encodeP1 } from "../codec/link/p1-telegram.ts";
import { encodeLongHeader } from "../codec/records/long-header.ts";
import { encodeRecordTime } from "../codec/records/record-time.ts";
import { parseObis } from "../codec/values/obis.ts";
import type { Measurement } from "./load-profile.ts";

/** Telegram contents other than the measurement. */
export interface Identity {
  readonly key: Uint8Array;
  readonly authenticationKey: Uint8Array | undefined;
  readonly counter: number;
  /** Six decimal digits; meter number and system title are derived from it by the manufacturer's rules. */
  readonly serial: number;
  /** The meter's clock, 12 bytes. */
  readonly clock: Uint8Array;
}

export interface Layout {
  readonly name: string;
  /** Other names for the layout: operators that share it. */
  readonly aliases: readonly string[];
  readonly about: string;
  readonly periodS: number;
  readonly baudRate: number;
  readonly clockStatus: number;
  /** The meter is the M-Bus master: it searches for a reader and sends only while it gets answers (amis-master.ts). */
  readonly wantsAnswer?: boolean;
  readonly encode: (measured: Measurement, identity: Identity) => Uint8Array;
}

/** Authentication key for layouts that always send a tag; readers can decrypt without it. */
const OWN_AUTHENTICATION_KEY = Buffer.from("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF", "hex");
const UNIT = { W: 27, Wh: 30, varh: 32, A: 33, V: 35, none: 255 } as const;

const text = (value: string): AxdrValue => ({ tag: "octetString", bytes: Buffer.from(value, "latin1") });
const octets = (bytes: Uint8Array): AxdrValue => ({ tag: "octetString", bytes });
const obis = (code: string): AxdrValue => octets(parseObis(code));
const number = (tag: NumericTag, value: number): AxdrValue => ({ tag, value });
const u32 = (value: number): AxdrValue => number("doubleLongUnsigned", value);
const u16 = (value: number): AxdrValue => number("longUnsigned", value);
const list = (...items: AxdrValue[]): AxdrValue => ({ tag: "structure", items });
const scalerUnit = (scaler: number, unit: number): AxdrValue => list(number("integer", scaler), number("enum", unit));

/** OBIS code, value, scaler and unit, as three elements. */
function register(code: string, value: AxdrValue, scaler: number, unit: number): AxdrValue[] {
  return [obis(code), value, scalerUnit(scaler, unit)];
}

function phases(m: Measurement): AxdrValue[][] {
  const [u1, u2, u3] = m.voltageDv;
  const [i1, i2, i3] = m.currentMa.map((ma) => Math.round(ma / 10)) as [number, number, number];
  return [
    register("1-0:32.7.0*255", u16(u1), -1, UNIT.V),
    register("1-0:52.7.0*255", u16(u2), -1, UNIT.V),
    register("1-0:72.7.0*255", u16(u3), -1, UNIT.V),
    register("1-0:31.7.0*255", u16(i1), -2, UNIT.A),
    register("1-0:51.7.0*255", u16(i2), -2, UNIT.A),
    register("1-0:71.7.0*255", u16(i3), -2, UNIT.A),
  ];
}

/** Layout A: clock, eleven registers of three elements each, and the meter number without an OBIS code. */
function flatBody(m: Measurement, clock: Uint8Array, number: string, factorTag: NumericTag): AxdrValue {
  const registers = [
    register("1-0:1.8.0*255", u32(m.importWh), 0, UNIT.Wh),
    register("1-0:2.8.0*255", u32(m.exportWh), 0, UNIT.Wh),
    register("1-0:1.7.0*255", u32(m.importW), 0, UNIT.W),
    register("1-0:2.7.0*255", u32(m.exportW), 0, UNIT.W),
    ...phases(m),
    register("1-0:13.7.0*255", { tag: factorTag, value: m.powerFactor }, -3, UNIT.none),
  ];
  return list(octets(clock), ...registers.flat(), text(number));
}

/** Layout B: clock with its OBIS code, then two texts and twelve registers as structures. */
function nestedBody(m: Measurement, clock: Uint8Array, serial: string): AxdrValue {
  const registers = [
    ...phases(m),
    register("1-0:1.7.0*255", u32(m.importW), 0, UNIT.W),
    register("1-0:2.7.0*255", u32(m.exportW), 0, UNIT.W),
    register("1-0:1.8.0*255", u32(m.importWh), 0, UNIT.Wh),
    register("1-0:2.8.0*255", u32(m.exportWh), 0, UNIT.Wh),
    register("1-0:3.8.0*255", u32(m.importVarh), 0, UNIT.varh),
    register("1-0:4.8.0*255", u32(m.exportVarh), 0, UNIT.varh),
  ];
  return list(
    obis("0-0:1.0.0*255"),
    octets(clock),
    list(obis("0-0:96.1.0*255"), text(`1KFM0200${serial}`)),
    list(obis("0-0:42.0.0*255"), text(`KFM1200200${serial}`)),
    ...registers.map((items) => list(...items)),
  );
}

function notification(body: AxdrValue, { clock, counter }: Identity, invokeFlags: number): Uint8Array {
  return encodeDataNotification(body, { dateTime: clock, longInvokeId: invokeFlags + (counter & 0xffffff) });
}

function cipher(
  plaintext: Uint8Array,
  identity: Identity,
  systemTitle: Uint8Array,
  securityControl: number,
): Uint8Array {
  const { key, counter } = identity;
  const tagged = identity.authenticationKey !== undefined || (securityControl & 0x10) !== 0;
  return encodeGeneralCiphering(plaintext, {
    key,
    systemTitle,
    invocationCounter: counter,
    securityControl: tagged ? securityControl | 0x10 : securityControl,
    authenticationKey: tagged ? (identity.authenticationKey ?? OWN_AUTHENTICATION_KEY) : undefined,
  });
}

const mbus = (apdu: Uint8Array, maxData?: number): Uint8Array => Buffer.concat(encodeMbusFrames(apdu, { maxData }));

/** 8 bytes: `letters`, then the number in the remaining bytes. */
function systemTitle(letters: string, value: number): Uint8Array {
  const title = new Uint8Array(8);
  new DataView(title.buffer).setUint32(4, value >>> 0);
  title.set(Buffer.from(letters, "latin1"));
  return title;
}

const sixDigits = (serial: number): string => String(serial).padStart(6, "0");

function netzNoe(m: Measurement, identity: Identity): Uint8Array {
  const eight = 10_000_000 + identity.serial;
  const title = systemTitle("KFM\x65", 0x50_000000 + eight);
  const body = flatBody(m, identity.clock, `1812${eight}`, "longUnsigned");
  return mbus(cipher(notification(body, identity, 0x80000000), identity, title, 0x20));
}

function t210d(m: Measurement, identity: Identity): Uint8Array {
  const title = systemTitle("SAGY", 99_000_000 + identity.serial);
  const body = flatBody(m, identity.clock, `178210${sixDigits(identity.serial)}`, "long");
  return mbus(cipher(notification(body, identity, 0x80000000), identity, title, 0x20), 252);
}

function ksmWest(m: Measurement, identity: Identity): Uint8Array {
  const title = systemTitle("KFM\x10", 0x20_000000 + identity.serial);
  const body = nestedBody(m, identity.clock, sixDigits(identity.serial));
  return mbus(cipher(notification(body, identity, 0), identity, title, 0x21));
}

function burgenland(m: Measurement, identity: Identity): Uint8Array {
  const clock = withoutZone(identity.clock);
  const currents = m.currentMa.map((ma) => u16(Math.round(ma / 10)));
  const body = list(
    ...m.voltageDv.map((dv) => u16(Math.round(dv / 10))),
    ...currents,
    u32(m.importW),
    u32(m.exportW),
    u32(m.importWh),
    u32(m.exportWh),
    ...[0, 120, 240].map(u16),
    text(`30${sixDigits(identity.serial)}`),
  );
  const apdu = notification(body, { ...identity, clock }, 0);
  const ciphered = cipher(apdu, identity, systemTitle("LGZg", 0x72_000000 + identity.serial), 0x30);
  return encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), ciphered]));
}

/** Norway: the 13-element list every ten seconds, the 18-element list on the hour. Date-time in tagged form. */
function ma304(m: Measurement, identity: Identity): Uint8Array {
  const clock = withoutZone(identity.clock);
  const items = [
    text("KFM_001"),
    text(`6970631409${sixDigits(identity.serial)}`),
    text("MA304H3E"),
    ...[m.importW, m.exportW, m.importVar, m.exportVar].map(u32),
    ...m.currentMa.map(u32),
    ...m.voltageDv.map(u32),
  ];
  if (m.time % 3_600_000 < 10_000) {
    items.push(octets(clock), ...[m.importWh, m.exportWh, m.importVarh, m.exportVarh].map(u32));
  }
  const apdu = encodeDataNotification(list(...items), { dateTime: clock, longInvokeId: 0x40000000, tagged: true });
  return encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), apdu]), {
    destination: Uint8Array.of(0x01),
    source: Uint8Array.of(0x02, 0x01),
    control: 0x10,
  });
}

/** Carinthia: Iskra AM550, positional list. */
function kaernten(m: Measurement, identity: Identity): Uint8Array {
  const [year1 = 0, year2 = 0, month = 0, day = 0, weekday = 0, hour = 0, minute = 0, second = 0] = identity.clock;
  const body = list(
    octets(Uint8Array.of(0, 6, 25, 9, 0, 255)),
    text(`1ISK0055${sixDigits(identity.serial)}`),
    octets(Uint8Array.of(hour, minute, second, 0)),
    octets(Uint8Array.of(year1, year2, month, day, weekday)),
    ...[m.importWh, m.exportWh, m.importVarh, m.exportVarh].map(u32),
    ...[m.importW, m.exportW].map(u32),
    text(""),
    text(""),
  );
  const ciphered = cipher(notification(body, identity, 0), identity, systemTitle("ISK\x05", identity.serial), 0x20);
  return encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), ciphered]), {
    destination: Uint8Array.of(0xcf),
    source: Uint8Array.of(0x02, 0x23),
  });
}

/** DSMR 5 telegram. */
function p1(m: Measurement, identity: Identity): Uint8Array {
  const [, , month = 0, day = 0, , hour = 0, minute = 0, second = 0] = identity.clock;
  const two = (value: number): string => String(value).padStart(2, "0");
  const year = two(new Date(m.time).getUTCFullYear() % 100);
  const season = (identity.clock[11] ?? 0) & 0x80 ? "S" : "W";
  const thousandth = (value: number, digits: number): string => (value / 1000).toFixed(3).padStart(digits, "0");
  return encodeP1("/KFM5SIMULATED-METER", [
    "1-3:0.2.8(50)",
    `0-0:1.0.0(${year}${two(month)}${two(day)}${two(hour)}${two(minute)}${two(second)}${season})`,
    `0-0:96.1.0(${Buffer.from(`KFM${sixDigits(identity.serial)}`)
      .toString("hex")
      .toUpperCase()})`,
    `1-0:1.8.0(${thousandth(m.importWh, 10)}*kWh)`,
    `1-0:2.8.0(${thousandth(m.exportWh, 10)}*kWh)`,
    `1-0:1.7.0(${thousandth(m.importW, 6)}*kW)`,
    `1-0:2.7.0(${thousandth(m.exportW, 6)}*kW)`,
    ...m.voltageDv.map((dv, phase) => `1-0:${32 + 20 * phase}.7.0(${(dv / 10).toFixed(1)}*V)`),
    ...m.currentMa.map((ma, phase) => `1-0:${31 + 20 * phase}.7.0(${(ma / 1000).toFixed(2).padStart(6, "0")}*A)`),
  ]);
}

/** Siemens AMIS: M-Bus records with four energies, four powers and the prepayment register. */
function amis(m: Measurement, identity: Identity): Uint8Array {
  const record = (head: string, value: number): Uint8Array => {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setInt32(0, value, true);
    return Buffer.concat([Buffer.from(head, "hex"), data]);
  };
  const records = Buffer.concat([
    Buffer.from("066D", "hex"),
    encodeRecordTime(identity.clock),
    record("0403", m.importWh),
    record("04833C", m.exportWh),
    record("8410FB8273", m.importVarh),
    record("8410FB82F33C", m.exportVarh),
    record("042B", m.importW),
    record("04AB3C", m.exportW),
    record("04FB14", m.importVar),
    record("04FB943C", m.exportVar),
    record("0483FF04", m.importWh - m.exportWh),
  ]);
  const telegram = encodeLongHeader(records, identity.key, identity.counter);
  // The frame count bit (FCB) toggles with every telegram.
  const control = identity.counter % 2 === 0 ? 0x53 : 0x73;
  return encodeRecordFrame(telegram, control);
}

/** The clock with deviation "not specified" and clock status 0, as Landis+Gyr and Norwegian meters send it. */
function withoutZone(clock: Uint8Array): Uint8Array {
  const bare = Uint8Array.from(clock);
  bare.set([0xff, 0x80, 0x00, 0x00], 8);
  return bare;
}

const MBUS = { periodS: 5, baudRate: 2400, clockStatus: 0 } as const;

export const LAYOUTS: readonly Layout[] = [
  { ...MBUS, name: "netz-noe", aliases: ["evn"], about: "Kaifa MA309, flat list, M-Bus", encode: netzNoe },
  {
    ...MBUS,
    name: "ksm-west",
    aliases: ["tinetz", "salzburg", "vorarlberg", "ikb", "schwaz", "reutte"],
    about: "Kaifa MA309, nested list, M-Bus",
    encode: ksmWest,
  },
  {
    ...MBUS,
    name: "t210d",
    aliases: ["sagemcom"],
    about: "Sagemcom T210-D at Netz NÖ, first frame longer than its length byte can say",
    clockStatus: 0x02,
    encode: t210d,
  },
  { ...MBUS, name: "burgenland", aliases: ["e450"], about: "Landis+Gyr E450, HDLC, no codes", encode: burgenland },
  {
    ...MBUS,
    name: "kaernten",
    aliases: ["am550"],
    about: "Iskra AM550, HDLC, no codes",
    periodS: 1,
    baudRate: 115_200,
    encode: kaernten,
  },
  {
    ...MBUS,
    name: "norway",
    aliases: ["ma304"],
    about: "Kaifa MA304, HDLC, not encrypted",
    periodS: 10,
    encode: ma304,
  },
  {
    ...MBUS,
    name: "p1",
    aliases: ["dsmr"],
    about: "DSMR text with CRC, not encrypted",
    periodS: 10,
    baudRate: 115_200,
    encode: p1,
  },
  {
    ...MBUS,
    name: "amis",
    aliases: ["netz-ooe"],
    about: "Siemens AMIS TD-351x, M-Bus records; waits to be answered with E5",
    periodS: 1,
    baudRate: 9600,
    wantsAnswer: true,
    encode: amis,
  },
];

/** @throws RangeError for an unknown name; the message lists the valid names */
export function findLayout(name: string): Layout {
  const wanted = name.toLowerCase();
  const layout = LAYOUTS.find((one) => one.name === wanted || one.aliases.includes(wanted));
  if (layout === undefined) {
    const names = LAYOUTS.flatMap((one) => [one.name, ...one.aliases]).join(", ");
    throw new RangeError(`unknown layout ${JSON.stringify(name)}; there are ${names}`);
  }
  return layout;
}
