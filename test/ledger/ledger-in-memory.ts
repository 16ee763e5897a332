/** A ledger in memory, for tests: records telegrams and keeps the points, as the store does with files. */
import { appendPoint, isBoundary, type Point, type Registers } from "../../src/ledger/point.ts";
import {
  QuarterRecorder,
  type RecorderHistory,
  type RecorderState,
  type RegisterSample,
} from "../../src/ledger/quarter-recorder.ts";

export class LedgerInMemory {
  points: Point[] = [];
  notices: string[] = [];
  readonly #history: RecorderHistory = {
    before: (at) => this.points.findLast((point, index) => point.at < at && (isBoundary(point) || index === 0)) ?? null,
    first: () => this.points[0]?.registers ?? null,
    resetAfter: (at) => this.points.some((point) => point.at > at && point.mark === "reset"),
  };
  recorder = new QuarterRecorder(this.#history);

  take(entry: RegisterSample): void {
    const { points, notice } = this.recorder.take(entry);
    for (const point of points) appendPoint(this.points, point);
    if (notice !== null) this.notices.push(notice);
  }

  /** A telegram; by default it arrived at the time of the meter's clock. */
  telegram(at: string | number, wh: number, more: Partial<RegisterSample> = {}): void {
    const time = typeof at === "number" ? at : Date.parse(at);
    const registers: Registers = { energy_import: wh };
    this.take({ at: time, offset: 60, registers, device: null, arrived: time, wall: time, ...more });
  }

  /** `kill -9`, or a stop that writes the latest telegram; then a new process. */
  restart(how: "killed" | "stopped"): void {
    const { closing } = this.recorder;
    if (how === "stopped" && closing !== null) appendPoint(this.points, closing);
    this.recorder = new QuarterRecorder(this.#history, stateOf(this.points, this.recorder.device));
  }

  /** All points, as if the bridge stopped now. */
  all(): Point[] {
    const { closing } = this.recorder;
    const points = [...this.points];
    if (closing !== null) appendPoint(points, closing);
    return points;
  }
}

function stateOf(points: readonly Point[], device: string | null): RecorderState | null {
  const index = points.findLastIndex((point, position) => isBoundary(point) || position === 0);
  const point = points[index];
  if (point === undefined) return null;
  const later = points.slice(index + 1);
  const marks = later.map(({ mark }) => mark);
  const mark = marks.includes("reset") ? "reset" : marks.includes("clock") ? "clock" : null;
  return { device, point, last: later.at(-1) ?? null, mark };
}
