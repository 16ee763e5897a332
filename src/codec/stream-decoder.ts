/**
 * Finds frames in a byte stream that may start anywhere and may have missing or extra bytes (telegrams.md, 1.4), and
 * reports each faulty telegram once.
 *
 * One buffer holds the bytes not yet decoded. At each position, the first byte selects the transport whose scanner is
 * run. After a failed check the search advances by one byte, because the claimed length may be wrong and hide an intact
 * frame. Further failures within the bytes claimed by a damaged frame are not reported.
 */
import { CodecError, type CodecErrorCode } from "./codec-error.ts";
import type { Decoder, DecoderEvent, DecoderOptions } from "./decoder-event.ts";
import { DecoderOutput } from "./decoder-output.ts";
import { KeptFrames } from "./kept-frames.ts";
import { type Link, Links } from "./link/links.ts";
import { type Accepted, NO_FRAME, type Scan } from "./link/scan.ts";
import { MAX_BUFFER, StreamBuffer } from "./link/stream-buffer.ts";
import { UnknownListError } from "./lists/unknown-list.ts";
import { TelegramDecoder } from "./telegram-decoder.ts";

/** Length of the shortest frame that can carry another segment, in bytes. */
const SMALLEST_FRAME = 12;

/** Optional fields of a fault event. */
type FaultExtras = Partial<
  Pick<Extract<DecoderEvent, { type: "fault" }>, "bytes" | "pattern" | "positions" | "untagged">
>;

export class StreamDecoder implements Decoder {
  readonly #links = new Links();
  readonly #telegrams: TelegramDecoder;
  readonly #buffer = new StreamBuffer();
  /** Number of available bytes needed before scanning again. */
  #needed = 0;
  /** Number of available bytes the scanner has already seen at this position; 0 if not yet scanned. */
  #seen = 0;
  /** Stream offset up to which the bytes belong to a fault already reported. */
  #covered = 0;
  /** Transport whose last telegram was faulty; later frames of that telegram are not reported again. */
  #stragglers: Link | null = null;
  /** Transport currently collecting segments, and the stream offset of the first segment. */
  #collecting: Link | null = null;
  #collectedFrom = 0;
  #lastFrameEnd = 0;
  /** Stream offset where reception started, or resumed after silence. */
  #freshAt = 0;
  readonly #kept: KeptFrames;
  readonly #output = new DecoderOutput();

  constructor(options: DecoderOptions) {
    this.#telegrams = new TelegramDecoder(options);
    this.#kept = new KeptFrames(this.#buffer, options.keepBytes ?? false);
  }

  get wanted(): number {
    const { available } = this.#buffer;
    if (available === 0) return this.#collecting ? SMALLEST_FRAME : 0;
    return Math.max(1, this.#needed - available) + (this.#opensSegments ? SMALLEST_FRAME : 0);
  }

  /** Whether the frame being received is an M-Bus segment that another must follow (FIN not set in the CI field). */
  get #opensSegments(): boolean {
    const { bytes, start, available } = this.#buffer;
    return (
      available > 6 && bytes[start] === 0x68 && bytes[start + 3] === 0x68 && ((bytes[start + 6] ?? 0) & 0xf0) === 0
    );
  }

  feed(chunk: Uint8Array): DecoderEvent[] {
    for (let at = 0; at < chunk.length; ) {
      at += this.#buffer.append(chunk, at);
      if (this.#buffer.available >= this.#needed) this.#guard(() => this.#search(false));
    }
    if (this.#needed - this.#buffer.available === 1) this.#guard(() => this.#lookAhead());
    return this.#output.take();
  }

  /**
   * Decodes a frame ahead of time when only its stop byte is missing: on a slow line, that byte takes some milliseconds
   * to arrive. The result is only used once the frame is complete.
   */
  #lookAhead(): void {
    const { bytes, start, end } = this.#buffer;
    const link = this.#links.of(bytes[start] as number);
    if (link?.assembler.foresee === undefined) return;
    const scan = this.#scan(link, true);
    if (scan.kind !== "frame" || scan.length !== end - start || scan.frame === null) return;
    const foreseen = link.assembler.foresee(scan.frame);
    if (foreseen) this.#telegrams.prepare(link, foreseen.apdu);
  }

  silence(): DecoderEvent[] {
    this.#guard(() => this.#search(true));
    if (this.#collecting) {
      const cut = this.#buffer.endOffset > this.#lastFrameEnd;
      this.#abandon(
        cut ? "framing" : "segmentation",
        cut
          ? "the telegram was truncated: its next frame is incomplete"
          : "the telegram was truncated: its next frame is missing",
      );
    }
    this.#stragglers = null;
    this.#freshAt = this.#buffer.endOffset;
    return this.#output.take();
  }

  end(): DecoderEvent[] {
    return this.silence();
  }

  reset(): void {
    this.#discardCollection();
    this.#buffer.reset();
    this.#needed = this.#seen = 0;
    this.#covered = this.#lastFrameEnd = this.#freshAt = 0;
    this.#stragglers = null;
    this.#output.reset();
  }

  /**
   * No input may crash the process. An error other than CodecError is a bug in the codec: the buffered bytes are reported
   * as one faulty telegram, and decoding continues after them.
   */
  #guard(step: () => void): void {
    try {
      step();
    } catch (cause) {
      const { offset, available } = this.#buffer;
      this.#discardCollection();
      const message = `the decoder failed on these bytes: ${cause instanceof Error ? cause.message : cause}`;
      const fault = { type: "fault", code: "malformed", transport: null, systemTitle: null } as const;
      this.#output.add({ ...fault, message, offset, length: available, cause, ...this.#kept.next(available) });
      this.#advance(available);
      this.#covered = this.#buffer.offset;
      this.#needed = 0;
    }
  }

  /** Advances the buffer by `count` bytes. */
  #advance(count: number): void {
    this.#buffer.start += count;
    this.#seen = 0;
  }

  #search(final: boolean): void {
    while (this.#buffer.available > 0) {
      const link = this.#nextLink();
      if (!link) break;
      const scan = this.#scan(link, final);
      if (scan.kind === "no") {
        this.#skip(1);
      } else if (scan.kind === "frame") {
        this.#takeFrame(link, scan.frame, scan.length);
      } else if (scan.kind === "bad") {
        this.#takeDamage(link, scan);
      } else if (final || Math.max(scan.bytes, this.#buffer.available) > MAX_BUFFER / 2) {
        // Also covers a scanner that keeps asking for more: undecided bytes must never fill the buffer.
        this.#skip(1);
      } else {
        this.#seen = this.#buffer.available;
        this.#needed = Math.max(scan.bytes, this.#buffer.available + 1);
        return;
      }
    }
    this.#needed = 0;
  }

  /** Skips bytes that cannot start a frame. @returns the transport selected by the next byte */
  #nextLink(): Link | undefined {
    const { bytes, start, end } = this.#buffer;
    let at = start;
    while (at < end && !Links.starts(bytes[at] as number)) at++;
    if (at > start) this.#skip(at - start);
    return at < end ? this.#links.of(bytes[at] as number) : undefined;
  }

  #scan(link: Link, final: boolean): Scan<unknown> {
    const { bytes, start, end, offset } = this.#buffer;
    if (!link.bare) return link.scan(bytes, start, end, final, this.#seen);
    if (!this.#mayBeBare()) return NO_FRAME;
    // The preceding bytes belong to an intact frame, so do not mistake them for remains of a damaged one.
    if (offset === this.#lastFrameEnd) return link.scan(bytes.subarray(start, end), 0, end - start, final);
    return link.scan(bytes, start, end, final);
  }

  /**
   * Whether a bare APDU may start here. It has no checksum, so it must not be the remains of a damaged frame: it is not
   * accepted inside one, nor while another transport is collecting segments. (Its scanner also checks the surrounding
   * bytes.) A bare body is accepted only at the start of the stream or after silence, a notification without date-time
   * only there, directly after a frame, or after a faulty bare APDU.
   */
  #mayBeBare(): boolean {
    const { bytes, start, end, offset } = this.#buffer;
    if (offset < this.#covered || (this.#collecting && !this.#collecting.bare)) return false;
    const first = bytes[start] as number;
    if (first <= 0x02) return offset === this.#freshAt;
    const timeless = first === 0x0f && start + 5 < end && bytes[start + 5] === 0x00;
    if (!timeless || this.#stragglers?.bare) return true;
    return offset === this.#freshAt || offset === this.#lastFrameEnd;
  }

  /** Skips bytes that belong to no frame. */
  #skip(count: number): void {
    const to = this.#buffer.offset + count;
    const from = Math.max(to - count, this.#covered);
    this.#advance(count);
    if (from < to) this.#output.skip(from, to);
  }

  #takeFrame(link: Link, frame: unknown, length: number): void {
    const offset = this.#buffer.offset;
    const end = offset + length;
    if (frame === null) {
      // Fill bytes are ignored silently, but right after noise they count as noise.
      if (this.#output.skippedTo === offset && offset > this.#freshAt) this.#skip(length);
      else this.#advance(length);
      return;
    }
    if (this.#collecting && this.#collecting !== link) {
      this.#abandon("segmentation", "the telegram was truncated: another one started");
    }
    if (
      this.#collecting &&
      link.assembler.unnumbered &&
      offset > this.#lastFrameEnd &&
      this.#output.skippedTo === offset
    ) {
      this.#abandon("segmentation", "unexpected bytes between two segments: one may be missing");
      this.#stragglers = link;
    }
    let done: Accepted | undefined;
    try {
      done = link.assembler.accept(frame);
    } catch (error) {
      const again = this.#takeDisorder(link, frame, end, error);
      if (!again) return;
      done = again.done;
    }
    this.#stragglers = null;
    if (!this.#collecting) this.#collectedFrom = offset;
    this.#kept.add(length);
    this.#advance(length);
    this.#lastFrameEnd = end;
    this.#collecting = link.assembler.pending ? link : null;
    if (done) this.#takeApdu(link, done, end);
    if (!this.#collecting) this.#kept.clear();
  }

  /**
   * Handles a frame that is not the expected one. If segments were being collected, the incomplete telegram is reported
   * and the frame is passed in again, because it may start a new telegram. Otherwise the frame itself is reported, unless
   * it belongs to the telegram reported last.
   */
  #takeDisorder(
    link: Link,
    frame: unknown,
    end: number,
    error: unknown,
  ): { readonly done: Accepted | undefined } | undefined {
    if (!(error instanceof CodecError)) throw error;
    if (error.code === "unsupported") {
      // A frame that does not belong to any telegram.
      const offset = this.#buffer.offset;
      this.#reportFault(link, error.code, error.message, offset, end - offset, this.#kept.next(end - offset));
      this.#advance(end - offset);
      return undefined;
    }
    if (this.#collecting) {
      this.#abandon(error.code, error.message);
      try {
        return { done: link.assembler.accept(frame) };
      } catch (second) {
        if (!(second instanceof CodecError)) throw second;
      }
    } else if (this.#stragglers !== link) {
      const offset = this.#buffer.offset;
      this.#reportFault(link, error.code, error.message, offset, end - offset, this.#kept.next(end - offset));
    }
    this.#stragglers = link.assembler.ends(frame) ? null : link;
    this.#covered = Math.max(this.#covered, end);
    this.#advance(end - this.#buffer.offset);
    return undefined;
  }

  #takeDamage(link: Link, scan: Scan<unknown> & { kind: "bad" }): void {
    const offset = this.#buffer.offset;
    const { code, message, length = 1, part, pattern } = scan;
    const reported =
      offset < this.#covered ? part !== "first" : part === "later" && this.#stragglers === link && !this.#collecting;
    if (reported) {
      if (part === "later") this.#covered = Math.max(this.#covered, offset + length);
    } else {
      if (this.#collecting && part === "first") {
        this.#abandon("segmentation", "the telegram was truncated: another one started");
      }
      this.#discardCollection();
      const more = { ...this.#kept.next(length), ...(pattern === undefined ? {} : { pattern }) };
      this.#reportFault(link, code, message, offset, length, more);
      this.#covered = Math.max(this.#covered, offset + length);
      this.#stragglers = link;
    }
    this.#skip(1);
  }

  #takeApdu(link: Link, accepted: Accepted, end: number): void {
    const offset = this.#collectedFrom;
    const length = end - offset;
    const bytes = this.#kept.telegram();
    const { telegrams, failure, systemTitle } = this.#telegrams.decode(link, accepted);
    for (const telegram of telegrams) this.#output.add({ type: "telegram", telegram, offset, length, ...bytes });
    if (failure === null) return;
    const segments = accepted.unnumberedSegments ?? 1;
    const code = failure.code === "malformed" && segments > 1 ? "segmentation" : failure.code;
    const more = {
      ...bytes,
      ...(failure.untagged ? { untagged: true } : {}),
      ...(failure instanceof UnknownListError ? { positions: failure.positions } : {}),
    };
    this.#reportFault(link, code, failure.message, offset, length, more, systemTitle);
  }

  /** Reports the telegram being collected as incomplete and discards it. */
  #abandon(code: CodecErrorCode, message: string): void {
    const link = this.#collecting;
    if (!link) return;
    const bytes = this.#kept.telegram();
    this.#discardCollection();
    const offset = this.#collectedFrom;
    this.#reportFault(link, code, message, offset, this.#lastFrameEnd - offset, bytes);
  }

  #discardCollection(): void {
    this.#collecting?.assembler.reset();
    this.#collecting = null;
    this.#kept.clear();
  }

  #reportFault(
    link: Link,
    code: CodecErrorCode,
    message: string,
    offset: number,
    length: number,
    more?: FaultExtras | undefined,
    systemTitle: string | null = null,
  ): void {
    this.#output.add({
      type: "fault",
      code,
      message,
      offset,
      length,
      transport: link.transport,
      systemTitle,
      ...more,
    });
  }
}
