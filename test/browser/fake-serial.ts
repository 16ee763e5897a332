/** A fake `navigator.serial` with one adapter and a sending meter; everything else is the page's own code. */

export interface SerialPlan {
  /** The only setting at which bytes are received, `2400 even`; empty: the port cannot be opened. */
  readonly line: string;
  /** Hex, sent in a loop. */
  readonly telegrams: readonly string[];
  readonly everyMs: number;
  /** Number of parity errors that end the stream before the first telegram. */
  readonly parityErrors?: number;
  /** An AMIS master: repeats the first telegram until `E5` arrives, then sends the second, expecting `E5` for each. */
  readonly untilAnswered?: boolean;
}

/** Runs in the page, before its own script. */
export function fakeSerial(plan: SerialPlan): void {
  const log = { opened: [] as string[], written: [] as number[] };
  Object.assign(window, log);
  const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  let errors = plan.parityErrors ?? 0;
  let readable: ReadableStream<Uint8Array> | null = null;
  let timer: ReturnType<typeof setInterval> | undefined;
  let next = 0;

  const openStream = (heard: boolean): void => {
    let controller: ReadableStreamDefaultController<Uint8Array>;
    readable = new ReadableStream({
      start: (given) => {
        controller = given;
      },
      cancel: () => clearInterval(timer),
    });
    clearInterval(timer);
    timer = setInterval(() => {
      if (!heard || plan.telegrams.length === 0) return;
      if (errors > 0) {
        errors--;
        controller.error(new DOMException("parity", "ParityError"));
        openStream(heard);
        return;
      }
      const at = plan.untilAnswered ? (log.written.length > 0 ? 1 : 0) : next++ % plan.telegrams.length;
      const bytes = bytesOf(plan.telegrams[at] ?? "");
      // In two pieces, as delivered by adapters.
      controller.enqueue(bytes.slice(0, 3));
      controller.enqueue(bytes.slice(3));
    }, plan.everyMs);
  };
  const port = {
    get readable() {
      return readable;
    },
    writable: new WritableStream<Uint8Array>({ write: (chunk) => void log.written.push(...chunk) }),
    async open({ baudRate, parity }: { baudRate: number; parity: string }) {
      if (plan.line === "") throw new DOMException("Failed to open serial port.", "NetworkError");
      log.opened.push(`${baudRate} ${parity}`);
      openStream(`${baudRate} ${parity}` === plan.line);
    },
    async close() {
      clearInterval(timer);
      if (readable?.locked) throw new TypeError("still locked");
      readable = null;
      log.opened.push("closed");
    },
    getInfo: () => ({ usbVendorId: 0x1a86, usbProductId: 0x7523 }),
  };
  Object.defineProperty(navigator, "serial", { value: { requestPort: async () => port } });
}
