import { expect, it } from "vitest";
import { ConnectionReport } from "../../../../src/sinks/mqtt/connection/connection-report.ts";

it("the last of the one-time warnings says that it is the last", () => {
  const warnings: string[] = [];
  const quiet = { error: () => undefined, info: () => undefined, debug: () => undefined };
  const report = new ConnectionReport({ ...quiet, warn: (text) => void warnings.push(text) });
  for (let n = 1; n <= 25; n++) for (let again = 0; again < 2; again++) report.warnOnce(`key ${n}`, `warning ${n}`);
  expect(warnings).toHaveLength(20);
  expect(warnings.slice(-2)).toEqual(["warning 19", "warning 20. 20 such warnings were logged: this is the last"]);
});
