/**
 * `outputs.sunspec`: a Modbus TCP server with the registers of a SunSpec meter. Read-only: functions 3 and 4. While the
 * meter is silent, instantaneous values are "not implemented"; a minute later, every read gets exception 0x0B.
 */
import { createServer, type Socket } from "node:net";
import type { MeterEvent } from "../../meter/events.ts";
import { systemClock } from "../../process/clock.ts";
import { parseListen } from "../output/address.ts";
import { Listener } from "../output/listener.ts";
import { MeterFeed } from "../output/meter-feed.ts";
import type { Output, OutputOptions, OutputParts, OutputStatus } from "../output/output.ts";
import { ReadingCache } from "../output/reading-cache.ts";
import { exceptionFrame, ILLEGAL_ADDRESS, ILLEGAL_VALUE, serveModbus, TARGET_SILENT } from "./modbus-framing.ts";
import { BASE, sunspecRegisters } from "./sunspec-registers.ts";

/** Unit id at which a Fronius inverter reads its meter. */
const FRONIUS_UNIT = 240;
const MAX_REGISTERS = 125;
/** A client without a request for this long is disconnected. */
const IDLE_MS = 600_000;

export interface SunspecOptions extends OutputOptions {
  readonly listen: string;
  readonly unit_id: number;
  readonly model: "integer" | "float";
}

export class SunspecOutput implements Output {
  readonly name = "sunspec";
  readonly #unitIds: ReadonlySet<number>;
  readonly #feed: MeterFeed;
  readonly #listener: Listener;
  readonly #registers: ReadingCache<Buffer>;

  constructor(options: SunspecOptions, { periodMs, version, log, clock = systemClock }: OutputParts) {
    this.#feed = new MeterFeed(options.meter, periodMs, clock);
    const { model, unit_id: unitId, phase_power: phasePower } = options;
    this.#unitIds = new Set([unitId, FRONIUS_UNIT]);
    const shape = { model, unitId, phasePower, version };
    this.#registers = new ReadingCache(this.#feed, () => sunspecRegisters(this.#feed, shape));
    const create = () => createServer((socket) => this.#connected(socket));
    this.#listener = new Listener({ address: parseListen(options.listen), create, log, clock });
  }

  start(): Promise<void> {
    return this.#listener.start();
  }

  accept(event: MeterEvent): void {
    this.#feed.take(event);
  }

  stop(): Promise<void> {
    return this.#listener.stop();
  }

  status(): OutputStatus {
    return {
      output: this.name,
      address: this.#listener.address,
      listening: this.#listener.listening,
      clients: this.#listener.sockets.size,
      ...this.#feed.summary,
    };
  }

  #connected(socket: Socket): void {
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    serveModbus(socket, { unitIds: this.#unitIds, read: (frame) => socket.write(this.#answer(frame)) });
  }

  /** The registers without instantaneous values; `null` once the meter is gone. */
  #staleRegisters(): Buffer | null {
    return this.#feed.freshness === "gone" ? null : this.#registers.get();
  }

  #answer(request: Buffer): Buffer {
    const [start, count] = [request.readUInt16BE(8), request.readUInt16BE(10)];
    if (count < 1 || count > MAX_REGISTERS) return exceptionFrame(request, ILLEGAL_VALUE);
    const registers = this.#registers.getFresh() ?? this.#staleRegisters();
    if (registers === null) return exceptionFrame(request, TARGET_SILENT);
    const from = 2 * (start - BASE);
    if (from < 0 || from + 2 * count > registers.length) return exceptionFrame(request, ILLEGAL_ADDRESS);
    const answer = Buffer.allocUnsafe(9 + 2 * count);
    request.copy(answer, 0, 0, 8);
    answer.writeUInt16BE(3 + 2 * count, 4);
    answer[8] = 2 * count;
    registers.copy(answer, 9, from, from + 2 * count);
    return answer;
  }
}
