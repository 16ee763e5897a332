/**
 * AES counter mode for many short messages under one key: GCM without the tag (NIST SP 800-38D, 6.5). A single AES
 * object generates the key stream for all of them, because creating one per telegram costs more than the deciphering.
 */
import { type BlockCipher, createBlockCipher } from "../aes.ts";

const BLOCK = 16;
const IV = 12;
/** GCM reserves counter 1 for the tag. */
const FIRST_COUNTER = 2;

/**
 * Working memory, shared by all keys: a message is read before the next one is deciphered, and a thousand meters with
 * memory of their own would take a megabyte.
 */
class WorkingMemory {
  /** Counter blocks (initialisation vector || counter), as bytes and as 32-bit words. */
  #blocks = new Uint8Array(0);
  words = new Uint32Array(0);
  text = new Uint8Array(0);
  textWords = new Uint32Array(0);
  /** Views of `#blocks` and `text`, sized for the current message. */
  input = this.#blocks;
  result = this.text;

  /** @param length of the message in bytes */
  fit(length: number): void {
    const blocks = Math.ceil(length / BLOCK);
    if (this.#blocks.length < blocks * BLOCK) this.#grow(blocks);
    if (length !== this.result.length) {
      // Most telegrams have the same length as the one before, and creating views is expensive.
      this.result = this.text.subarray(0, length);
      this.input = this.#blocks.subarray(0, blocks * BLOCK);
    }
  }

  #grow(blocks: number): void {
    this.#blocks = new Uint8Array(2 * blocks * BLOCK);
    this.words = new Uint32Array(this.#blocks.buffer);
    this.text = new Uint8Array(2 * blocks * BLOCK);
    this.textWords = new Uint32Array(this.text.buffer);
    this.input = this.#blocks;
    this.result = this.text;
    const view = new DataView(this.#blocks.buffer);
    for (let i = 0; i < 2 * blocks; i++) view.setUint32(i * BLOCK + IV, FIRST_COUNTER + i);
  }
}

const MEMORY = /* @__PURE__ */ new WorkingMemory();

export class CounterMode {
  readonly #encipher: BlockCipher;
  readonly #iv = new Uint8Array(IV);
  readonly #ivWords = new Uint32Array(this.#iv.buffer);

  /** @param key 16 or 32 bytes */
  constructor(key: Uint8Array) {
    this.#encipher = createBlockCipher(key);
  }

  /**
   * Deciphers or enciphers `bytes[start … end-1]`.
   * @param iv 12 bytes
   * @returns a view, valid until the next call, also with another key
   */
  apply(iv: Uint8Array, bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    const blocks = Math.ceil(length / BLOCK);
    MEMORY.fit(length);
    const { words, text, textWords, input, result } = MEMORY;
    this.#iv.set(iv);
    const first = this.#ivWords[0] as number;
    const second = this.#ivWords[1] as number;
    const third = this.#ivWords[2] as number;
    for (let i = 0; i < blocks * 4; i += 4) {
      words[i] = first;
      words[i + 1] = second;
      words[i + 2] = third;
    }
    const stream = this.#encipher(input);
    text.set(bytes.subarray(start, end));
    if (stream.byteOffset % 4 === 0) {
      const streamWords = new Uint32Array(stream.buffer, stream.byteOffset, blocks * 4);
      for (let i = 0; i < blocks * 4; i++) textWords[i] = (textWords[i] as number) ^ (streamWords[i] as number);
    } else {
      for (let i = 0; i < length; i++) text[i] = (text[i] as number) ^ (stream[i] as number);
    }
    return result;
  }
}
