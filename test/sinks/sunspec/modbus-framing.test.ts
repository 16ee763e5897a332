import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, it, vi } from "vitest";
import { serveModbus } from "../../../src/sinks/sunspec/modbus-framing.ts";

const REQUEST = Buffer.from([0x12, 0x34, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2]);

it.each([
  ["reads too little", REQUEST, 20_000, "it has not read 16384 bytes: disconnected"],
  ["does not speak Modbus", Buffer.from("GET / HTTP/1.1"), 0, "not Modbus TCP: disconnected"],
])("a client that %s is disconnected with the reason", (_, request, writableLength, reason) => {
  const destroy = vi.fn();
  const socket = Object.assign(new EventEmitter(), { writableLength, destroy }) as unknown as Socket;
  const read = vi.fn();
  serveModbus(socket, { unitIds: new Set([1]), read });
  socket.emit("data", request);
  expect(destroy).toHaveBeenCalledWith(new Error(reason));
  expect(read).not.toHaveBeenCalled();
});
