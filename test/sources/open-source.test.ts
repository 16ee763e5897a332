import { describe, expect, it } from "vitest";
import { openSource } from "../../src/sources/open-source.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";

const line = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 } as const;

describe("the port string selects the source", () => {
  it.each([
    ["/dev/ttyUSB0", "SerialSource", true],
    ["/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0", "SerialSource", true],
    ["COM3", "SerialSource", true],
    ["tcp://192.168.1.5:4000", "TcpSource", false],
    ["tcp://[fe80::1]:4000", "TcpSource", false],
    ["TCP://ser2net.local:4000/", "TcpSource", false],
    ["file:capture.hex", "ReplaySource", false],
    ["file:/captures/a b.bin?interval=0", "ReplaySource", false],
    ["simulator:", "SimulatorSource", false],
    ["simulator:?layout=tinetz&interval=1", "SimulatorSource", false],
  ])("%s is a %s", (port, kind, hasLine) => {
    const source = openSource(port);
    expect(source.constructor.name).toBe(kind);
    expect(source.hasLine).toBe(hasLine);
  });

  it.each([
    "tcp://host",
    "tcp://host:0",
    "tcp://host:70000",
    "tcp:host:4000",
    "http://host:80",
    "rfc2217://host:4000",
    "simulator:?layout=mars",
    "simulator:?interval=soon",
    "file:capture?interval=",
  ])("%s is refused with a reason", (port) => {
    expect(() => openSource(port)).toThrow(expect.objectContaining({ name: "SourceError", code: "unsupported" }));
  });

  it("simulator: yields the given number of telegrams and ends", async () => {
    const chunks: number[] = [];
    const source = openSource("simulator:?layout=ksm-west&interval=0&count=3");
    for await (const chunk of source.open(new AbortController().signal, line)) chunks.push(chunk.length);
    const length = new SimulatedMeter({ layout: "ksm-west", start: 0 }).telegram(0).length;
    expect(chunks).toEqual([0, length, length, length]);
  });
});
