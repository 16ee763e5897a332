/**
 * Lists the serial devices of this computer without root rights: `/sys/class/tty` for the hardware, `/dev/serial/by-id`
 * for persistent names. Does not use `udevadm`, which slim images lack.
 */
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** One serial device. */
export interface SerialDevice {
  /** `/dev/ttyUSB0` */
  readonly path: string;
  /** `/dev/serial/by-id/…`; `null` if there is none. */
  readonly byId: string | null;
  /** USB vendor and product ID, `1a86:7523`; `null` for non-USB devices. */
  readonly usbId: string | null;
  /** Known chip name such as `CH340`, or the product name that the device reports. */
  readonly chip: string | null;
  /** Whether it looks like an M-Bus adapter: a plain USB serial chip without the name of another kind of device. */
  readonly likely: boolean;
}

/** USB serial chips found in M-Bus adapters. */
const CHIPS: Readonly<Record<string, string>> = {
  "1a86:7523": "CH340",
  "1a86:7522": "CH340",
  "1a86:5523": "CH341",
  "10c4:ea60": "CP210x",
  "0403:6001": "FT232",
  "0403:6015": "FT-X",
  "067b:2303": "PL2303",
  "067b:23a3": "PL2303",
};

/** Names of other devices that use the same chips. */
const OTHERS =
  /zig-?bee|z-?wave|conbee|sonoff|skyconnect|zbt-1|arduino|nodemcu|esp32|gps|gnss|modem|lte|lora|rfxcom|ups/i;

/** Names of tty devices that may be serial ports; on-board ports (ttyS) count only if the UART exists. */
const SERIAL_NAME = /^tty(?:USB|ACM|AMA|XRUSB|S)\d+$/;

/** Paths of `/dev` and `/sys`, replaceable in tests. */
export interface DeviceRoots {
  readonly dev: string;
  readonly sys: string;
}

/** All serial devices, likely M-Bus adapters first. Never throws; unreadable entries are omitted. */
export async function listSerialDevices(
  { dev, sys }: DeviceRoots = { dev: "/dev", sys: "/sys" },
): Promise<SerialDevice[]> {
  const byId = await namesById(dev);
  const names = new Set([...(await entries(join(sys, "class/tty"))).filter((name) => SERIAL_NAME.test(name))]);
  for (const path of byId.keys()) names.add(basename(path));
  const present = new Set(await entries(dev));
  const devices: SerialDevice[] = [];
  for (const name of [...names].sort(byNumber)) {
    if (!present.has(name) || !(await isPort(sys, name))) continue;
    const path = join(dev, name);
    const id = byId.get(path) ?? null;
    const usb = await usbOf(sys, name);
    const chip = (usb && CHIPS[usb.id]) ?? usb?.product ?? null;
    const likely = (usb === null ? id !== null : usb.id in CHIPS) && !OTHERS.test(`${usb?.product ?? ""} ${id ?? ""}`);
    devices.push({ path, byId: id, usbId: usb?.id ?? null, chip, likely });
  }
  return devices.sort((a, b) => Number(b.likely) - Number(a.likely));
}

/** `/dev/ttyUSB0` → `/dev/serial/by-id/usb-…` */
async function namesById(dev: string): Promise<Map<string, string>> {
  const folder = join(dev, "serial/by-id");
  const names = new Map<string, string>();
  for (const name of await entries(folder)) {
    const link = join(folder, name);
    const target = await readlink(link).catch(() => null);
    if (target !== null) names.set(join(dev, basename(target)), link);
  }
  return names;
}

/** The 8250 driver creates nodes for ports that do not exist; their type is 0. */
async function isPort(sys: string, name: string): Promise<boolean> {
  return !name.startsWith("ttyS") || !["0", null].includes(await text(join(sys, "class/tty", name, "type")));
}

/** Walks up from the tty to its parent USB device. */
async function usbOf(sys: string, name: string): Promise<{ id: string; product: string | null } | null> {
  let folder = await realpath(join(sys, "class/tty", name, "device")).catch(() => null);
  for (let up = 0; folder !== null && up < 6; up++) {
    const [vendor, product] = await Promise.all([text(join(folder, "idVendor")), text(join(folder, "idProduct"))]);
    if (vendor !== null && product !== null) {
      return { id: `${vendor}:${product}`.toLowerCase(), product: await text(join(folder, "product")) };
    }
    folder = dirname(folder);
  }
  return null;
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function text(file: string): Promise<string | null> {
  return readFile(file, "utf8").then(
    (content) => content.trim(),
    () => null,
  );
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
