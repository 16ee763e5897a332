import { describe, expect, it } from "vitest";
import { formatListen, parseListen } from "../../../src/sinks/output/address.ts";

describe("addresses to listen on", () => {
  it("consist of host and port", () => {
    expect(parseListen("0.0.0.0:2000")).toEqual({ host: "0.0.0.0", port: 2000 });
    expect(parseListen("localhost:80")).toEqual({ host: "localhost", port: 80 });
    expect(parseListen("[::1]:2000")).toEqual({ host: "::1", port: 2000 });
  });

  it("are rejected in any other form", () => {
    for (const text of ["", ":2000", "2000", "host", "host:", "host:65536", "::1:2000", "tcp://host:2000", "a b:1"]) {
      expect(() => parseListen(text), text).toThrow(RangeError);
    }
  });

  it("are formatted as they are parsed", () => {
    for (const text of ["127.0.0.1:2000", "[::1]:2000"]) expect(formatListen(parseListen(text))).toBe(text);
  });
});
