/**
 * AES in counter mode, for many short texts under one key: GCM without its tag (NIST SP 800-38D, 6.5). The key stream is
 * made with one AES object for all of them, because making an object for each telegram costs more than deciphering it.
 */
import { type BlockCipher, createBlockCipher } from "../aes.ts";

const BLOCK = 16;
const IV = 12;
/** GCM keeps counter 1 for the tag. */
const FIRST_COUNTER = 2;

export class CounterMode {
  readonly #encipher: BlockCipher;
  /** Counter blocks: initialisation vector || counter, as bytes and as words. */
  #blocks = new Uint8Array(0);
  #words = new Uint32Array(0);
  #text = new Uint8Array(0);
  #textWords = new Uint32Array(0);
  /** Views of `#blocks` and `#text` as long as the text at hand. */
  #input = this.#blocks;
  #result = this.#text;
  readonly #iv = new Uint8Array(IV);
  readonly #ivWords = new Uint32Array(this.#iv.buffer);

  /** @param key 16 or 32 bytes */
  constructor(key: Uint8Array) {
    this.#encipher = createBlockCipher(key);
  }

  /**
   * Deciphers (or enciphers) `bytes[start … end-1]`.
   * @param iv 12 bytes
   * @returns a view that is valid until the next call
   */
  apply(iv: Uint8Array, bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    const blocks = Math.ceil(length / BLOCK);
    if (this.#blocks.length < blocks * BLOCK) this.#grow(blocks);
    if (length !== this.#result.length) {
      // Telegrams of one meter have one length, and a view is dear.
      this.#result = this.#text.subarray(0, length);
      this.#input = this.#blocks.subarray(0, blocks * BLOCK);
    }
    this.#iv.set(iv);
    const words = this.#words;
    const first = this.#ivWords[0] as number;
    const second = this.#ivWords[1] as number;
    const third = this.#ivWords[2] as number;
    for (let i = 0; i < blocks * 4; i += 4) {
      words[i] = first;
      words[i + 1] = second;
      words[i + 2] = third;
    }
    const stream = this.#encipher(this.#input);
    const text = this.#text;
    text.set(bytes.subarray(start, end));
    if (stream.byteOffset % 4 === 0) {
      const streamWords = new Uint32Array(stream.buffer, stream.byteOffset, blocks * 4);
      const textWords = this.#textWords;
      for (let i = 0; i < blocks * 4; i++) textWords[i] = (textWords[i] as number) ^ (streamWords[i] as number);
    } else {
      for (let i = 0; i < length; i++) text[i] = (text[i] as number) ^ (stream[i] as number);
    }
    return this.#result;
  }

  #grow(blocks: number): void {
    this.#blocks = new Uint8Array(2 * blocks * BLOCK);
    this.#words = new Uint32Array(this.#blocks.buffer);
    this.#text = new Uint8Array(2 * blocks * BLOCK);
    this.#textWords = new Uint32Array(this.#text.buffer);
    this.#input = this.#blocks;
    this.#result = this.#text;
    const view = new DataView(this.#blocks.buffer);
    for (let i = 0; i < 2 * blocks; i++) view.setUint32(i * BLOCK + IV, FIRST_COUNTER + i);
  }
}
