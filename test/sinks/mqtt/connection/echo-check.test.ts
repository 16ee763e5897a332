import { describe, expect, it } from "vitest";
import { EchoCheck } from "../../../../src/sinks/mqtt/connection/echo-check.ts";

describe("the echo of a publication", () => {
  it("may be retained, even of a later publication", () => {
    const check = new EchoCheck(() => undefined);
    check.expect("kaifa2mqtt/house", "first");
    check.published("kaifa2mqtt/house", "second");
    expect(check.seen("kaifa2mqtt/house", Buffer.from("of an earlier run"), true)).toBe(false);
    expect(check.seen("kaifa2mqtt/house", Buffer.from("second"), true)).toBe(true);
    check.clear();
  });
});
