/**
 * Finds frames in a stream of bytes that begins anywhere, loses bytes and gains some (telegrams.md, 1.4), and tells every
 * faulty telegram once.
 *
 * One buffer holds what has come and is not decided yet. At each position the scanner of the transport whose first byte
 * stands there is asked. After a failed check the search moves on by one byte, because the claimed length may be wrong
 * and hide a good frame; what fails inside the bytes that a damaged frame claims is not told again.
 */
import { ApduDecoder } from "./apdu/apdu.ts";
import { requireTag } from "./apdu/required-tag.ts";
import { CodecError, type CodecErrorCode } from "./codec-error.ts";
import type { Decoder, DecoderEvent, DecoderOptions } from "./decoder-event.ts";
import { DecoderOutput } from "./decoder-output.ts";
import { ByteCollector } from "./link/byte-collector.ts";
import { createLinks, type Link } from "./link/links.ts";
import { type Accepted, NO_FRAME, type Scan } from "./link/scan.ts";
import { MAX_BUFFER, StreamBuffer } from "./link/stream-buffer.ts";
import { UnknownListError } from "./lists/unknown-list.ts";
import { decodeRecordTelegram } from "./records/record-telegram.ts";
import type { Telegram } from "./telegram.ts";

/** Bytes of the smallest frame that can carry a further segment. */
const SMALLEST_FRAME = 12;
/** Most bytes of frames that are kept of one telegram; an event of a longer one carries none. */
const MAX_KEPT = 16_384;

/** What a fault event may carry besides. */
type FaultExtras = Partial<
  Pick<Extract<DecoderEvent, { type: "fault" }>, "bytes" | "pattern" | "positions" | "untagged">
>;

export class StreamDecoder implements Decoder {
  readonly #links: readonly (Link | undefined)[];
  readonly #apdus: ApduDecoder;
  readonly #keys: DecoderOptions;
  readonly #keepBytes: boolean;
  readonly #buffer = new StreamBuffer();
  /** How many bytes from the start of the buffer on are needed before looking again makes sense. */
  #needed = 0;
  /** How many bytes from the start of the buffer on its scanner has seen; 0 where it has not been asked yet. */
  #seen = 0;
  /** Offset up to which the bytes belong to a fault that was told. */
  #covered = 0;
  /** The transport whose last telegram was faulty and may still have frames to come; they are not told again. */
  #stragglers: Link | null = null;
  /** The transport that is collecting segments, and the offset of the first. */
  #collecting: Link | null = null;
  #collectedFrom = 0;
  #lastFrameEnd = 0;
  /** Where the stream began, or went on after silence. */
  #freshAt = 0;
  /** Copies of the collected frames, where they are wanted, and whether there was room for all. */
  readonly #kept = new ByteCollector(MAX_KEPT);
  #keptAll = true;
  readonly #output = new DecoderOutput();

  constructor(options: DecoderOptions) {
    this.#links = createLinks();
    this.#apdus = new ApduDecoder(options, options.lists);
    this.#keys = options;
    this.#keepBytes = options.keepBytes ?? false;
  }

  get wanted(): number {
    const { available } = this.#buffer;
    if (available === 0) return this.#collecting ? SMALLEST_FRAME : 0;
    return Math.max(1, this.#needed - available) + (this.#opensSegments ? SMALLEST_FRAME : 0);
  }

  /** Whether the frame that is coming is an M-Bus segment after which another must come (the CI field lacks FIN). */
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
   * A frame that lacks nothing but its stop byte: on a slow line that is some milliseconds away, and what it will
   * complete is decoded meanwhile. Nothing is decided by that.
   */
  #lookAhead(): void {
    const { bytes, start, end } = this.#buffer;
    const link = this.#links[bytes[start] as number];
    if (link?.assembler.foresee === undefined) return;
    const scan = this.#scan(link, true);
    if (scan.kind !== "frame" || scan.length !== end - start || scan.frame === null) return;
    const foreseen = link.assembler.foresee(scan.frame);
    if (foreseen) this.#apdus.prepare(foreseen.apdu, link.transport, link.proof);
  }

  silence(): DecoderEvent[] {
    this.#guard(() => this.#search(true));
    if (this.#collecting) {
      const cut = this.#buffer.endOffset > this.#lastFrameEnd;
      this.#abandon(
        cut ? "framing" : "segmentation",
        cut
          ? "the telegram was cut short: its next frame is incomplete"
          : "the telegram was cut short: its next frame is missing",
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
    this.#forgetCollection();
    this.#buffer.reset();
    this.#needed = this.#seen = 0;
    this.#covered = this.#lastFrameEnd = this.#freshAt = 0;
    this.#stragglers = null;
    this.#output.reset();
  }

  /**
   * Nothing that comes over a line may end the process: an error that is no CodecError is a defect of this codec. The
   * bytes at hand are given up as one faulty telegram, and the stream goes on behind them.
   */
  #guard(step: () => void): void {
    try {
      step();
    } catch (cause) {
      const { offset, available } = this.#buffer;
      this.#forgetCollection();
      const message = `the decoder failed on these bytes: ${cause instanceof Error ? cause.message : cause}`;
      const fault = { type: "fault", code: "malformed", transport: null, systemTitle: null } as const;
      this.#output.add({ ...fault, message, offset, length: available, cause, ...this.#bytesOf(available) });
      this.#advance(available);
      this.#covered = this.#buffer.offset;
      this.#needed = 0;
    }
  }

  /** Goes on behind `count` bytes of the buffer. */
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
        // Also where a scanner asks for more and has it: the buffer must never be full of what nobody decides about.
        this.#skip(1);
      } else {
        this.#seen = this.#buffer.available;
        this.#needed = Math.max(scan.bytes, this.#buffer.available + 1);
        return;
      }
    }
    this.#needed = 0;
  }

  /** Skips the bytes with which no frame begins. @returns the transport that the next byte may begin */
  #nextLink(): Link | undefined {
    const links = this.#links;
    const { bytes, start, end } = this.#buffer;
    let at = start;
    while (at < end && links[bytes[at] as number] === undefined) at++;
    if (at > start) this.#skip(at - start);
    return at < end ? links[bytes[at] as number] : undefined;
  }

  #scan(link: Link, final: boolean): Scan<unknown> {
    const { bytes, start, end, offset } = this.#buffer;
    if (!link.bare) return link.scan(bytes, start, end, final, this.#seen);
    if (!this.#mayBeBare()) return NO_FRAME;
    // The bytes before belong to a good frame: they are no remains of a damaged one, whatever they look like.
    if (offset === this.#lastFrameEnd) return link.scan(bytes.subarray(start, end), 0, end - start, final);
    return link.scan(bytes, start, end, final);
  }

  /**
   * Whether a bare APDU may begin here. It has no check of its own, so it must not be what is left of a damaged frame:
   * not inside one, and not where other segments are being collected. (Its scanner looks at the bytes around it.) A body
   * without any APDU around it is taken at the very beginning only, a notification without time there or behind
   * another APDU.
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

  /** Bytes that no frame explains. */
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
      // Fill is passed over in silence, but in the midst of noise it is noise, be that told already or not.
      if (this.#output.skippedTo === offset && offset > this.#freshAt) this.#skip(length);
      else this.#advance(length);
      return;
    }
    if (this.#collecting && this.#collecting !== link) {
      this.#abandon("segmentation", "the telegram was cut short: another one began");
    }
    if (
      this.#collecting &&
      link.assembler.unnumbered &&
      offset > this.#lastFrameEnd &&
      this.#output.skippedTo === offset
    ) {
      this.#abandon("segmentation", "foreign bytes between two segments: one may be missing");
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
    this.#keep(length);
    this.#advance(length);
    this.#lastFrameEnd = end;
    this.#collecting = link.assembler.pending ? link : null;
    if (done) this.#takeApdu(link, done, end);
    if (!this.#collecting) this.#forgetKept();
  }

  /**
   * The frame is not the expected next one. If something was being collected, that is one fault, and the frame is offered
   * again, because it may begin something new; else the frame is the fault, unless it belongs to the last one.
   */
  #takeDisorder(
    link: Link,
    frame: unknown,
    end: number,
    error: unknown,
  ): { readonly done: Accepted | undefined } | undefined {
    if (!(error instanceof CodecError)) throw error;
    if (error.code === "unsupported") {
      // Nothing of ours, in between.
      const offset = this.#buffer.offset;
      this.#tellFault(link, error.code, error.message, offset, end - offset, this.#bytesOf(end - offset));
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
      this.#tellFault(link, error.code, error.message, offset, end - offset, this.#bytesOf(end - offset));
    }
    this.#stragglers = link.assembler.ends(frame) ? null : link;
    this.#covered = Math.max(this.#covered, end);
    this.#advance(end - this.#buffer.offset);
    return undefined;
  }

  #takeDamage(link: Link, scan: Scan<unknown> & { kind: "bad" }): void {
    const offset = this.#buffer.offset;
    const { code, message, length = 1, part, pattern } = scan;
    const told =
      offset < this.#covered ? part !== "first" : part === "later" && this.#stragglers === link && !this.#collecting;
    if (told) {
      if (part === "later") this.#covered = Math.max(this.#covered, offset + length);
    } else {
      if (this.#collecting && part === "first") {
        this.#abandon("segmentation", "the telegram was cut short: another one began");
      }
      this.#forgetCollection();
      const more = { ...this.#bytesOf(length), ...(pattern === undefined ? {} : { pattern }) };
      this.#tellFault(link, code, message, offset, length, more);
      this.#covered = Math.max(this.#covered, offset + length);
      this.#stragglers = link;
    }
    this.#skip(1);
  }

  #takeApdu(link: Link, accepted: Accepted, end: number): void {
    const { apdu, application, proof = link.proof, unnumberedSegments = 1 } = accepted;
    const offset = this.#collectedFrom;
    const length = end - offset;
    const bytes = this.#keptBytes();
    const telegrams: Telegram[] = [];
    let failure: CodecError | null = null;
    try {
      if (application === "records") telegrams.push(decodeRecordTelegram(apdu, this.#keys.key, proof));
      else this.#apdus.decode(apdu, link.transport, proof, telegrams);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      failure = error;
    }
    for (const telegram of telegrams) {
      try {
        // Each by itself: what follows a verified telegram is not verified by it.
        requireTag(telegram, this.#keys);
        this.#output.add({ type: "telegram", telegram, offset, length, ...bytes });
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        failure ??= error;
      }
    }
    if (failure === null) return;
    const code = failure.code === "malformed" && unnumberedSegments > 1 ? "segmentation" : failure.code;
    const title = application === "records" ? null : this.#apdus.systemTitle;
    const more = {
      ...bytes,
      ...(failure.untagged ? { untagged: true } : {}),
      ...(failure instanceof UnknownListError ? { positions: failure.positions } : {}),
    };
    this.#tellFault(link, code, failure.message, offset, length, more, title);
  }

  /** Tells that the collection under way will not be completed, and forgets it. */
  #abandon(code: CodecErrorCode, message: string): void {
    const link = this.#collecting;
    if (!link) return;
    const bytes = this.#keptBytes();
    this.#forgetCollection();
    const offset = this.#collectedFrom;
    this.#tellFault(link, code, message, offset, this.#lastFrameEnd - offset, bytes);
  }

  #forgetCollection(): void {
    this.#collecting?.assembler.reset();
    this.#collecting = null;
    this.#forgetKept();
  }

  #keep(length: number): void {
    if (!this.#keepBytes || !this.#keptAll) return;
    const { bytes, start } = this.#buffer;
    this.#keptAll = this.#kept.fits(length);
    if (this.#keptAll) this.#kept.append(bytes.subarray(start, start + length));
  }

  #keptBytes(): { readonly bytes: Uint8Array } | undefined {
    return this.#keepBytes && this.#keptAll ? { bytes: this.#kept.bytes.slice() } : undefined;
  }

  #forgetKept(): void {
    this.#kept.clear();
    this.#keptAll = true;
  }

  #bytesOf(length: number): { readonly bytes: Uint8Array } | undefined {
    if (!this.#keepBytes) return undefined;
    return {
      bytes: this.#buffer.bytes.slice(this.#buffer.start, Math.min(this.#buffer.end, this.#buffer.start + length)),
    };
  }

  #tellFault(
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
