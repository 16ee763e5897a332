/**
 * The framing of Modbus TCP: hands on whole read requests, and answers or ends everything else. The two functions that a
 * SunSpec meter needs are done here, because neither well-kept library serves untrusted clients: modbus-serial 8 opens its
 * socket itself, without a limit to connections, and delays each answer by a timer; jsmodbus 5 stalls for ever on an unknown
 * function while its buffer grows, and turns the order of pipelined requests round. (MODBUS Messaging on TCP/IP 1.0b, 3.1.3)
 *
 *     transaction 2 │ protocol 2 (0) │ length 2 │ unit 1 │ function 1 │ data
 */
import type { Socket } from "node:net";

const HEADER = 7;
/** A frame is at most 260 bytes, so `length` (unit and PDU) at most 254. */
const MAX_LENGTH = 254;
/** An answer that isn't taken by the client beyond this ends the connection. */
const MAX_UNSENT = 16_384;

export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;
export const ILLEGAL_VALUE = 3;
/** "Gateway target device failed to respond". */
export const TARGET_SILENT = 0x0b;

/** A read request: function 3 (holding registers) or 4 (input registers), 12 bytes. */
const READ_LENGTH = 6;
const READS: ReadonlySet<number> = new Set([3, 4]);

export interface Gate {
  /** Unit ids that are answered; others get no answer, as on a bus. */
  readonly unitIds: ReadonlySet<number>;
  /** One whole frame with a read request. */
  readonly read: (frame: Buffer) => void;
}

/** Feeds a socket's bytes through the gate, until it closes. A frame that is none ends the connection. */
export function serveModbus(socket: Socket, gate: Gate): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= HEADER) {
      const length = bytes.readUInt16BE(4);
      if (bytes.readUInt16BE(2) !== 0 || length < 2 || length > MAX_LENGTH) return void socket.destroy();
      if (bytes.length < 6 + length) break;
      take(socket, gate, bytes.subarray(0, 6 + length));
      bytes = bytes.subarray(6 + length);
      if (socket.destroyed) return;
    }
    // Never more than one frame that is not whole yet.
    rest = Buffer.from(bytes);
  });
}

function take(socket: Socket, gate: Gate, frame: Buffer): void {
  if (socket.writableLength > MAX_UNSENT) return void socket.destroy();
  if (!gate.unitIds.has(frame[6] ?? 0)) return;
  const code = frame[7] ?? 0;
  if (!READS.has(code)) socket.write(exceptionFrame(frame, ILLEGAL_FUNCTION));
  else if (frame.length !== 6 + READ_LENGTH) socket.write(exceptionFrame(frame, ILLEGAL_VALUE));
  else gate.read(frame);
}

/** The answer to a request that cannot be served: its header, its function with the highest bit set, the exception. */
export function exceptionFrame(request: Buffer, exception: number): Buffer {
  const answer = Buffer.alloc(9);
  request.copy(answer, 0, 0, 7);
  answer.writeUInt16BE(3, 4);
  answer[7] = (request[7] ?? 0) | 0x80;
  answer[8] = exception;
  return answer;
}
