import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { listSerialDevices } from "../../src/sources/serial-devices.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kaifa-devices-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const roots = () => ({ dev: join(root, "dev"), sys: join(root, "sys") });

function put(path: string, content = ""): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

/** The kernel's layout of a USB serial device: tty -> port -> interface -> device with idVendor. */
function usbDevice(tty: string, id: string, product: string, byId?: string): void {
  const [vendor = "", code = ""] = id.split(":");
  const device = `sys/devices/usb1/${tty}-dev`;
  put(`dev/${tty}`);
  put(`${device}/idVendor`, `${vendor}\n`);
  put(`${device}/idProduct`, `${code}\n`);
  put(`${device}/product`, `${product}\n`);
  put(`${device}/${tty}-dev:1.0/${tty}/uevent`);
  link(`sys/class/tty/${tty}/device`, join(root, device, `${tty}-dev:1.0`, tty));
  if (byId !== undefined) link(`dev/serial/by-id/${byId}`, `../../${tty}`);
}

it("names the chip and the stable name, adapters first", async () => {
  usbDevice("ttyUSB0", "10c4:ea60", "Sonoff Zigbee 3.0 USB Dongle Plus", "usb-ITead_Sonoff_Zigbee_0001-if00-port0");
  usbDevice("ttyUSB1", "1a86:7523", "USB Serial", "usb-1a86_USB_Serial-if00-port0");
  usbDevice("ttyACM0", "2341:0043", "Arduino Uno");
  expect(await listSerialDevices(roots())).toEqual([
    {
      path: join(root, "dev/ttyUSB1"),
      byId: join(root, "dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"),
      usbId: "1a86:7523",
      chip: "CH340",
      likely: true,
    },
    {
      path: join(root, "dev/ttyACM0"),
      byId: null,
      usbId: "2341:0043",
      chip: "Arduino Uno",
      likely: false,
    },
    {
      path: join(root, "dev/ttyUSB0"),
      byId: join(root, "dev/serial/by-id/usb-ITead_Sonoff_Zigbee_0001-if00-port0"),
      usbId: "10c4:ea60",
      chip: "CP210x",
      likely: false,
    },
  ]);
});

it("omits on-board ports that do not exist, and nodes that are not passed through", async () => {
  put("dev/ttyS0");
  put("sys/class/tty/ttyS0/type", "0\n");
  put("dev/ttyS1");
  put("sys/class/tty/ttyS1/type", "4\n");
  put("sys/class/tty/ttyUSB7/uevent");
  put("dev/tty1");
  put("sys/class/tty/tty1/uevent");
  expect((await listSerialDevices(roots())).map(({ path }) => path)).toEqual([join(root, "dev/ttyS1")]);
});

it("is empty if nothing can be read", async () => {
  expect(await listSerialDevices(roots())).toEqual([]);
});
