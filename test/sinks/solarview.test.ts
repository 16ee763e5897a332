import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SolarviewSink, solarviewText } from "../../src/sinks/solarview.ts";
import { type Row, readingOf } from "../helpers/readings.ts";

const energies = (importWh: number, exportWh: number): Row[] => [
  ["1-0:1.8.0*255", importWh, 0, "Wh"],
  ["1-0:2.8.0*255", exportWh, 0, "Wh"],
];

describe("the text for Solarview", () => {
  it("equals the predecessor's byte for byte", () => {
    expect(solarviewText(readingOf())).toBe("/?!\n/KAIFA\n1.8.0(000012.937*kWh)\n2.8.0(000000.000*kWh)\n!\n");
    expect(solarviewText(readingOf(energies(5_305_034, 1)))).toContain("1.8.0(005305.034*kWh)\n2.8.0(000000.001*kWh)");
  });

  it("exceeds ten characters for a meter with a gigawatt hour, as the predecessor's did", () => {
    expect(solarviewText(readingOf(energies(1_234_567_890, 0)))).toContain("1.8.0(1234567.890*kWh)");
  });

  it("keeps three decimals for meters with a finer or coarser resolution than a Wh", () => {
    expect(solarviewText(readingOf([["1-0:1.8.0*255", 129375, -1, "Wh"]]))).toContain("1.8.0(000012.938*kWh)");
    expect(solarviewText(readingOf([["1-0:1.8.0*255", 13, 3, "Wh"]]))).toContain("1.8.0(000013.000*kWh)");
  });

  it("has no line for a value that the meter does not send", () => {
    expect(solarviewText(readingOf([["1-0:1.8.0*255", 12937, 0, "Wh"]]))).toBe(
      "/?!\n/KAIFA\n1.8.0(000012.937*kWh)\n!\n",
    );
    expect(solarviewText(readingOf([["1-0:2.8.0*255", 12937, 0, "Wh"]]))).toBeNull();
  });

  it("does not exist for a reading with unconfirmed registers", () => {
    expect(solarviewText(readingOf(undefined, { complete: false }))).toBeNull();
  });
});

describe("the Solarview sink", () => {
  let folder: string;
  let logLines: string[];
  const log = {
    error: (message: string) => void logLines.push(message),
    warn: (message: string) => void logLines.push(message),
    info: (message: string) => void logLines.push(message),
    debug: () => undefined,
  };
  const write = async (sink: SolarviewSink, rows: Row[]): Promise<void> => {
    sink.accept({ type: "reading", reading: readingOf(rows) });
    await sink.stop();
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "solarview-"));
    logLines = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("replaces the file and leaves no other files", async () => {
    const file = join(folder, "kaifa.txt");
    const sink = new SolarviewSink(file, log);
    await sink.start();
    await write(sink, energies(12937, 0));
    await write(sink, energies(12938, 0));
    expect(readFileSync(file, "utf8")).toContain("1.8.0(000012.938*kWh)");
    expect(readdirSync(folder)).toEqual(["kaifa.txt"]);
    expect(logLines).toEqual([]);
  });

  it("writes the latest if readings arrive faster than the disk can write", async () => {
    const file = join(folder, "kaifa.txt");
    const sink = new SolarviewSink(file, log);
    for (let wh = 1; wh <= 500; wh++) sink.accept({ type: "reading", reading: readingOf(energies(wh, 0)) });
    await sink.stop();
    expect(readFileSync(file, "utf8")).toContain("1.8.0(000000.500*kWh)");
  });

  it("never shows half a file to a reader", async () => {
    const file = join(folder, "kaifa.txt");
    const sink = new SolarviewSink(file, log);
    await write(sink, energies(0, 0));
    let reading = true;
    let reads = 0;
    const reader = (async () => {
      while (reading) {
        expect(readFileSync(file, "utf8")).toMatch(
          /^\/\?!\n\/KAIFA\n1\.8\.0\(.{10}\*kWh\)\n2\.8\.0\(.{10}\*kWh\)\n!\n$/,
        );
        reads++;
        await new Promise(setImmediate);
      }
    })();
    for (let wh = 1; wh <= 100; wh++) await write(sink, energies(wh, wh));
    reading = false;
    await reader;
    expect(reads).toBeGreaterThan(10);
  });

  it("keeps a symbolic link and replaces its target", async () => {
    mkdirSync(join(folder, "real"));
    const link = join(folder, "kaifa.txt");
    symlinkSync(join(folder, "real", "kaifa.txt"), link);
    const sink = new SolarviewSink(link, log);
    await write(sink, energies(1, 0));
    await write(sink, energies(2, 0));
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "real", "kaifa.txt"), "utf8")).toContain("000000.002");
  });

  it("logs once that the folder is missing, and once that it is back", async () => {
    const file = join(folder, "later", "kaifa.txt");
    const sink = new SolarviewSink(file, log);
    await sink.start();
    await write(sink, energies(1, 0));
    await write(sink, energies(2, 0));
    expect(logLines).toHaveLength(1);
    expect(logLines[0]).toMatch(/folder does not exist/);
    mkdirSync(join(folder, "later"));
    await write(sink, energies(3, 0));
    expect(readFileSync(file, "utf8")).toContain("000000.003");
    expect(logLines).toHaveLength(2);
    expect(logLines[1]).toMatch(/again/);
  });

  it("logs a folder of the same name and continues", async () => {
    const file = join(folder, "kaifa.txt");
    mkdirSync(file);
    chmodSync(folder, 0o755);
    const sink = new SolarviewSink(file, log);
    await write(sink, energies(1, 0));
    expect(logLines[0]).toMatch(/it is a folder/);
    expect(existsSync(join(folder, ".kaifa.txt.tmp"))).toBe(false);
  });
});
