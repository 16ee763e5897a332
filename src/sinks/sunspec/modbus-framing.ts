/**
 * The framing of Modbus TCP (MODBUS Messaging on TCP/IP 1.0b, 3.1.3): passes complete read requests on, answers any other
 * request with an exception, and disconnects a client that doesn't speak Modbus. The two functions that a SunSpec meter
 * needs are implemented here, because neither maintained library is fit for untrusted clients: modbus-serial 8 opens its
 * own socket, without a cap on connections, and delays each answer by a timer; jsmodbus 5 stalls permanently on an unknown
 * function while its buffer grows, and answers pipelined requests in reverse order.
 *
 *     transaction 2 │ protocol 2 (0) │ length 2 │ unit 1 │ function 1 │ data
 */
import type { Socket } from "node:net";

const HEADER = 7;
/** A frame has at most 260 bytes, so `length` (unit and PDU) is at most 254. */
const MAX_LENGTH = 254;
/** Maximum number of unsent bytes per client; beyond that the connection is closed. */
const MAX_UNSENT = 16_384;

export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;
export const ILLEGAL_VALUE = 3;
/** "Gateway target device failed to respond". */
export const TARGET_SILENT = 0x0b;

/** `length` of a read request: function 3 (holding registers) or 4 (input registers), 12 bytes in all. */
const READ_LENGTH = 6;
const NOTHING = Buffer.alloc(0);
const READS: ReadonlySet<number> = new Set([3, 4]);

export interface ModbusHandler {
  /** Unit ids that are answered; others get no answer, as on a bus. */
  readonly unitIds: ReadonlySet<number>;
  /** Called with one complete frame of a read request. */
  readonly read: (frame: Buffer) => void;
}

/** Reads frames from a socket until it closes. A client that is disconnected gets an `error` event that says why. */
export function serveModbus(socket: Socket, handler: ModbusHandler): void {
  let rest: Buffer = NOTHING;
  socket.on("data", (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= HEADER) {
      const length = bytes.readUInt16BE(4);
      if (bytes.readUInt16BE(2) !== 0 || length < 2 || length > MAX_LENGTH) {
        return void socket.destroy(new Error("not Modbus TCP: disconnected"));
      }
      if (bytes.length < 6 + length) break;
      handleFrame(socket, handler, bytes.subarray(0, 6 + length));
      bytes = bytes.subarray(6 + length);
      if (socket.destroyed) return;
    }
    // At most one incomplete frame.
    rest = bytes.length === 0 ? NOTHING : Buffer.from(bytes);
  });
}

function handleFrame(socket: Socket, handler: ModbusHandler, frame: Buffer): void {
  if (socket.writableLength > MAX_UNSENT) {
    return void socket.destroy(new Error(`it has not read ${MAX_UNSENT} bytes: disconnected`));
  }
  if (!handler.unitIds.has(frame[6] ?? 0)) return;
  const code = frame[7] ?? 0;
  if (!READS.has(code)) socket.write(exceptionFrame(frame, ILLEGAL_FUNCTION));
  else if (frame.length !== 6 + READ_LENGTH) socket.write(exceptionFrame(frame, ILLEGAL_VALUE));
  else handler.read(frame);
}

/** An exception response: the header of the request, its function with the highest bit set, the exception code. */
export function exceptionFrame(request: Buffer, exception: number): Buffer {
  const answer = Buffer.alloc(9);
  request.copy(answer, 0, 0, 7);
  answer.writeUInt16BE(3, 4);
  answer[7] = (request[7] ?? 0) | 0x80;
  answer[8] = exception;
  return answer;
}
