/** The layouts with promised latency and recovery time. */
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { GbtMeter } from "./gbt-meter.ts";

export interface LayoutLine {
  readonly name: string;
  readonly baudRate: number;
  /** 32 hex digits. */
  readonly key: string;
  /** The next telegram. @param time by the meter's clock, milliseconds since 1970 */
  readonly telegram: (time: number) => Uint8Array;
}

/** New meters, one per layout. @param start initial time of their clocks, milliseconds since 1970 */
export function promisedLayouts(start: number): LayoutLine[] {
  const simulated = (name: string, layout: string): LayoutLine => {
    const meter = new SimulatedMeter({ layout, start });
    return { name, baudRate: meter.layout.baudRate, key: DEMO_KEY, telegram: (time) => meter.telegram(time) };
  };
  const gbt = new GbtMeter();
  return [
    simulated("Netz NÖ", "netz-noe"),
    simulated("KSM-West", "ksm-west"),
    simulated("T210-D", "t210d"),
    { name: "E450, HDLC block transfer", baudRate: 2400, key: gbt.key, telegram: (time) => gbt.telegram(time) },
    simulated("P1", "p1"),
  ];
}
