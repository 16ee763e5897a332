/**
 * 50 clients of an output in a separate process, so that only the server's CPU time is measured. They keep their
 * connections open and poll at a fixed interval.
 *
 *     output-clients.mjs KIND PORT PATH CLIENTS PERIOD_MS
 *
 * Each IPC message is answered with the number of responses since the last one.
 */
import { openConnection } from "./output-connection.ts";
import type { ClientKind } from "./output-protocol.ts";

export type ClientAnswer = { readonly type: "ready" } | { readonly type: "counted"; readonly answers: number };

const [kind = "http", port = "", path = "", clients = "1", periodMs = "100"] = process.argv.slice(2);
const period = Number(periodMs);
const tell = (answer: ClientAnswer): void => void process.send?.(answer);
let answers = 0;

const connections = await Promise.all(
  Array.from({ length: Number(clients) }, () => openConnection(kind as ClientKind, Number(port), path)),
);
for (const [index, connection] of connections.entries()) {
  let waiting = false;
  connection.onAnswer = () => {
    waiting = false;
    answers++;
  };
  // A client whose answer is late skips its turn, so that late answers reduce the count.
  const poll = (): void => {
    if (waiting) return;
    waiting = true;
    connection.ask();
  };
  setTimeout(
    () => {
      poll();
      setInterval(poll, period);
    },
    (index * period) / connections.length,
  );
}
process.on("message", () => {
  tell({ type: "counted", answers });
  answers = 0;
});
process.on("disconnect", () => process.exit());
tell({ type: "ready" });
