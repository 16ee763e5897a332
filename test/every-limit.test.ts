/**
 * Every constant of src that limits something is in one of two tables: a message tells the user when the limit is reached, or
 * there is a reason why none does.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: parts of template strings of the source
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Constant → where the message is (`null`: in the constant's own file), and a part of the message as it stands in the source. */
const TOLD: Readonly<Record<string, readonly [file: string | null, text: string]>> = {
  "catalogue/meter-limits.ts MAX_METERS": ["config/options.ts", "z.maxLength(MAX_METERS"],
  "catalogue/meter-limits.ts METER_LIMITS": ["config/derive-defaults.ts", "`the ledger ${ledger}`"],
  "http/history.ts MAX_METERS": ["config/derive-defaults.ts", "`power plots ${powerPlots}`"],
  "http/live-state.ts MAX_METERS": ["config/derive-defaults.ts", "`the status page ${statusPage}`"],
  "http/live-state.ts MAX_VALUES": ["http/page/live.ts", 'say(language, "omitted", number('],
  "http/http-sink.ts MAX_CONNECTIONS": [null, "more than ${MAX_CONNECTIONS} connections"],
  "http/app.ts MAX_SPAN_MS": [null, "a whole number from ${least} to ${most} is expected"],
  "config/config-error.ts MOST_SHOWN": [null, "and ${faults.length - MOST_SHOWN} more"],
  "config/output-meters.ts MOST_SHOWN": [null, 'known.length > MOST_SHOWN ? ", …"'],
  "config/read-text.ts MAX_BYTES": [null, "a file of at most ${MAX_BYTES} bytes"],
  "config/yaml-file.ts MAX_NODES": [null, "a file of at most ${MAX_NODES} values and sections"],
  "config/yaml-file.ts MAX_DEPTH": [null, "${MAX_DEPTH} levels at most"],
  "config/supervisor.ts ANSWER_BYTES": [null, "its answer does not end"],
  "commands/compare.ts LARGEST_BYTES": [null, "the file is larger than 64 MB"],
  "commands/doctor-output.ts MAX_DEVICES": [null, "and ${devices.length - MAX_DEVICES} more"],
  "acceptance/state-file.ts MAX_BYTES": [null, "larger than ${MAX_BYTES} bytes"],
  "backfill/written-hours.ts LARGEST_BYTES": [null, "is full (8 MB): move it away to go on"],
  "ledger/ledger.ts MAX_METERS": [null, "the ledger keeps ${MAX_METERS} meters"],
  "ledger/ledger-store.ts MAX_PENDING": [null, "more than ${MAX_PENDING} quarter hours are waiting"],
  "ledger/ledger-files.ts LARGEST_BYTES": [null, "has more than ${LARGEST_BYTES} bytes"],
  "meter/identity.ts MAX_METERS": [null, "more than ${MAX_METERS} meters were heard at this port"],
  "meter/known-codes.ts MAX_CODES": [null, "sends more than ${MAX_CODES} codes"],
  "meter/line-capture.ts MAX_BYTES": [null, "ended early, at ${MAX_BYTES} bytes"],
  "codec/apdu/apdu.ts MAX_REGISTERS": [null, "the maximum is ${MAX_REGISTERS}"],
  "codec/axdr/axdr.ts MAX_DEPTH": [null, "containers nested more than ${MAX_DEPTH} deep"],
  "codec/link/mbus-assembler.ts MAX_APDU": [null, "more than ${MAX_APDU} bytes"],
  "codec/link/hdlc-assembler.ts LARGEST_MESSAGE": [null, "a message of more than ${LARGEST_MESSAGE} bytes"],
  "codec/link/block-transfer.ts LARGEST_APDU": [null, "more than ${LARGEST_APDU} bytes"],
  "codec/lists/unread-values.ts MAX_DESCRIBED": [null, "this.#more++"],
  "codec/records/data-record.ts MAX_EXTENSIONS": [null, "more than ${MAX_EXTENSIONS} DIFE"],
  "codec/records/data-record.ts MAX_RECORDS": [null, "more than ${MAX_RECORDS} M-Bus records"],
  "decode-page/capture-decoder.ts MAX_ENTRIES": ["decode-page/results.ts", '"limited", String(MAX_ENTRIES)'],
  "decode-page/capture-decoder.ts MAX_CAPTURE": ["decode-page/main.ts", 'say(language, "tooLarge"'],
  "sinks/mqtt/bridge-info.ts MAX_PROBLEMS": [null, "and ${more} more meters"],
  "sinks/mqtt/mqtt-sink.ts MAX_PACKET_BYTES": ["sinks/mqtt/connection/connection.ts", "describeOversize(bytes"],
  "sinks/mqtt/mqtt-sink.ts MAX_PACKET_BYTES_PER_METER": [
    "sinks/mqtt/connection/connection.ts",
    "describeOversize(bytes",
  ],
  "sinks/mqtt/connection/connection-report.ts MAX_WARNED": [null, "${MAX_WARNED} such warnings were logged"],
  "sinks/mqtt/connection/outbox.ts ANSWER_LIMIT_MS": [null, "does not acknowledge messages"],
  "sinks/mqtt/discovery/discovery-ownership.ts MAX_FOREIGN": [null, "${MAX_FOREIGN} discovery messages"],
  "sinks/mqtt/discovery/discovery-ownership.ts MAX_OTHER_BASES": [null, "${MAX_OTHER_BASES} base topics"],
  "sinks/mqtt/discovery/forget.ts MAX_TOPICS": ["commands/forget.ts", "at most ${MAX_TOPICS} messages are removed"],
  "sinks/mqtt/discovery/publication-history.ts MAX_FILE_BYTES": [null, "it has more than ${MAX_FILE_BYTES} bytes"],
  "sinks/mqtt/discovery/publication-history.ts MAX_METERS": [null, "lists the latest ${MAX_METERS} meters"],
  "sinks/mqtt/discovery/publication-history.ts MAX_TOPICS": [null, "more than ${MAX_TOPICS} ${what} were in use"],
  "sinks/mqtt/discovery/retained-cleanup.ts MAX_EARLIER_METERS": [null, "more than ${MAX_EARLIER_METERS} meters"],
  "sinks/mqtt/discovery/retained-reader.ts LONGEST_READ_MS": [
    null,
    "after ${LONGEST_READ_MS / 1000} s: what comes later",
  ],
  "sinks/mqtt/discovery/stale-discovery.ts MAX_ENTRIES": [null, "retains more than ${MAX_ENTRIES} ${what}"],
  "sinks/mqtt/discovery/stale-discovery.ts MAX_PAYLOAD_BYTES": [null, "more than ${MAX_PAYLOAD_BYTES} are not read"],
  "sinks/output/http-server.ts MAX_BODY": [null, '"request too large"'],
  "sinks/output/listener.ts MAX_CLIENTS": [null, "more than ${maxClients} clients"],
  "sinks/shelly/shelly-udp.ts MAX_QUEUED": [null, "more than ${MAX_QUEUED} UDP answers are waiting"],
  "sinks/shelly/shelly-websocket.ts MAX_UNREAD": [null, "has not read ${MAX_UNREAD} bytes"],
  "sinks/sunspec/modbus-framing.ts MAX_LENGTH": [null, "not Modbus TCP: disconnected"],
  "sinks/sunspec/modbus-framing.ts MAX_UNSENT": [null, "it has not read ${MAX_UNSENT} bytes"],
};

const CACHE = "A cache: what it no longer holds is computed again.";
const CUT = "The text ends with an ellipsis.";
const PAUSE = "The longest pause between two attempts; each failure is told where it happens.";
const BOUNDED = "docs/acceptance.md (What is bounded) names it; no known meter comes near.";
const NOT_A_FRAME =
  "A length in a header: bytes that claim more are no telegram and count as skipped, which the diagnosis tells.";

/** Constant → why reaching the limit is not told. */
const NOT_TOLD: Readonly<Record<string, string>> = {
  "acceptance/baseline.ts NAMES": BOUNDED,
  "acceptance/baseline.ts REGISTERS": BOUNDED,
  "acceptance/baseline.ts SIGNATURES": BOUNDED,
  "acceptance/baseline.ts WAIVED": BOUNDED,
  "acceptance/capture-judge.ts METERS": BOUNDED,
  "acceptance/check-failure.ts DEFAULT_LIMITS":
    "Limits of plausible values: a telegram beyond them is rejected with its reason.",
  "acceptance/held-telegrams.ts MAX_EXTENSION": "A time: a held telegram is decided then.",
  "acceptance/held-telegrams.ts POOL": BOUNDED,
  "acceptance/list-shape.ts MAX_PER_HOUR": "A limit of plausible values, not of a number of things.",
  "acceptance/list-shape.ts MAX_SHAPES": CACHE,
  "acceptance/plausibility.ts MAX_UNEXPLAINED":
    "A number of observations after which one check is no longer made for the meter.",
  "acceptance/replay-guard.ts TITLES": BOUNDED,
  "acceptance/state-file.ts MAX_DEPTH":
    "No version writes deeper entries, so one is not ours; its meter counts as new.",
  "acceptance/state-file.ts METERS":
    "Only meters that are no longer configured are dropped, those silent for longest first.",
  "acceptance/submeters.ts CANDIDATES": BOUNDED,
  "acceptance/submeters.ts REGISTERS": BOUNDED,
  "backfill/automatic-backfill.ts MOST_LOGGED": "Beyond it a hole may be logged again, nothing is lost.",
  "backfill/backfill-status.ts MOST_HOURS": "A count in the status; the hours themselves are filled.",
  "backfill/connect.ts LARGEST_BYTES": "The library closes the connection, and its error is told like any other.",
  "catalogue/quantities.ts MAX_PLACES": CACHE,
  "codec/axdr/axdr-extent.ts LARGEST_COUNT": NOT_A_FRAME,
  "codec/axdr/axdr-extent.ts LARGEST_TYPE": NOT_A_FRAME,
  "codec/kept-frames.ts MAX_KEPT":
    "Telegrams have at most half as many bytes, which is told; beyond it only the copy for captures is missing.",
  "codec/link/hdlc-frame.ts LONGEST_ADDRESS": "The protocol's longest address.",
  "codec/link/mbus-frame.ts LARGEST_DLMS_CI": "A value of the protocol, not a limit of ours.",
  "codec/link/p1-check.ts MAX_METERS": CACHE,
  "codec/link/p1-telegram.ts LONGEST_GAP": NOT_A_FRAME,
  "codec/link/p1-telegram.ts LONGEST_HEAD": NOT_A_FRAME,
  "codec/link/p1-telegram.ts LONGEST_TELEGRAM": NOT_A_FRAME,
  "codec/link/raw-apdu.ts CIPHERED_LIMIT": NOT_A_FRAME,
  "codec/link/stream-buffer.ts MAX_BUFFER":
    "Larger than any frame that a scanner waits for, so bytes never wait for room.",
  "codec/lists/compiled-list.ts MAX_TEXT":
    "A longer text is no meter number or type; it is still published as a value.",
  "codec/lists/list-samples.ts MAX_FORMS": "Samples of an unknown list, for a template that the user completes.",
  "codec/lists/list-template.ts MAX_SAMPLES": "Samples of an unknown list, for a template that the user completes.",
  "codec/lists/register-list.ts MAX_DESCRIPTION": CUT,
  "codec/lists/unknown-list.ts MAX_POSITIONS":
    "A telegram with more values is refused, and that is told (codec/apdu/apdu.ts).",
  "codec/lists/unread-values.ts MAX_TEXT": CUT,
  "codec/values/obis.ts MAX_NAMES": CACHE,
  "commands/health.ts MOST_WAIT_MS": "A time, after which the command answers what it knows.",
  "decode-page/listen.ts LIMIT_MS": "A time, after which the diagnosis says that nothing arrives.",
  "http/event-streams.ts MAX_STREAMS":
    "The page that loses its stream asks for one again; docs/scale.md names the number.",
  "http/ledger-view.ts MAX_VIEWS": CACHE,
  "http/live-state.ts MAX_PROBLEMS": "The log has each of them.",
  "http/live-state.ts MAX_TEXT": CUT,
  "http/page/log-view.ts MAX_LINES": "As many lines as the bridge keeps (log/log-tail.ts).",
  "http/recorder.ts MAX_RAW_BYTES": "A ring of the newest bytes.",
  "http/recorder.ts MAX_REASON": CUT,
  "http/recorder.ts MAX_TELEGRAM_BYTES":
    "No meter sends longer telegrams, and only the page's list of telegrams would lack it.",
  "http/recorder.ts PER_METER": "A ring of the newest telegrams.",
  "ledger/ledger-store.ts MONTHS": "Older months are deleted, as docs/ledger.md says.",
  "ledger/point-line.ts MAX_COLUMNS": "Import and export with four tariffs each make ten; no known meter sends more.",
  "ledger/tariff-window.ts MAX_QUARTERS": "A day: a longer gap cannot lie within a window.",
  "log/log-file.ts MAX_BYTES": "Rotation: the previous file is kept as .1.",
  "log/log-tail.ts MAX_LINES": "A ring of the newest lines; the log itself has all.",
  "log/log-tail.ts MAX_MESSAGE": CUT,
  "log/redact.ts MOST_SHOWN": CUT,
  "log/repeated-faults.ts MOST_FAULTS": "Beyond it a repeated fault is logged more often, nothing is lost.",
  "log/repeated-faults.ts MOST_PAUSE_MS": "The longest time between two lines about the same fault.",
  "sinks/mqtt/discovery/announcements.ts MAX_WAITING": "A meter is announced a little later, none is left out.",
  "meter/known-codes.ts MAX_CANDIDATES": "Codes that were not published yet; the oldest starts counting again.",
  "meter/known-codes.ts MAX_METERS": "As many as are published of one port, which is told (meter/identity.ts).",
  "meter/line-capture.ts MAX_FILES": "The newest captures are kept.",
  "meter/line-pacer.ts MAX_MS": "A time.",
  "meter/parity-search.ts MAX_SILENT_MS": PAUSE,
  "meter/period.ts MAX_INTERVALS": "The size of a median's window.",
  "meter/period.ts MIN_LIMIT_MS": "A time; the diagnosis says that the meter is offline.",
  "meter/reading.ts MAX_ID_LENGTH":
    "Meter numbers have at most 20 characters; a configured id that is longer is a fault of the configuration.",
  "meter/retry-delay.ts MAX_MS": PAUSE,
  "process/data-folder.ts MAX_CHECKED":
    "An early warning; whatever writes to a file beyond it reports the failure itself.",
  "process/health.ts MAX_PATH": "With a longer path the socket is an abstract one (Linux).",
  "sinks/mqtt/bridge-info.ts MAX_STATUS": CUT,
  "sinks/mqtt/connection/connect-once.ts MAX_PACKET_BYTES":
    "`check` and `forget` read only messages of one meter, which are smaller.",
  "sinks/mqtt/connection/disconnect-diagnosis.ts MAX_AVOIDED":
    "Each message that makes the broker disconnect is told, also beyond it.",
  "sinks/mqtt/connection/echo-check.ts MAX_PAYLOADS": "A check of the newest messages.",
  "sinks/mqtt/connection/outbox.ts MAX_UNANSWERED": "Further messages wait; a broker that does not answer is told.",
  "sinks/mqtt/connection/outbox.ts MAX_UNSENT_BYTES": "Further messages wait; a broker that does not answer is told.",
  "sinks/mqtt/connection/publish-packet.ts MAX_OVERHEAD": "A size of the protocol.",
  "sinks/mqtt/connection/publish-packet.ts MAX_UTF8": "A size of the encoding.",
  "sinks/mqtt/connection/publish-refusals.ts LONGEST_PAUSE_MS": PAUSE,
  "sinks/mqtt/connection/reconnect-backoff.ts LONGEST_PAUSE_MS": PAUSE,
  "sinks/mqtt/connection/server-list.ts LONGEST_RETURN_MS": PAUSE,
  "sinks/mqtt/connection/subscribe-packets.ts MAX_FILTERS": "Further filters go into the next packet.",
  "sinks/mqtt/discovery/duplicate-bridges.ts MAX_PAYLOAD_BYTES":
    "The message is a base topic; a longer one is not from a bridge.",
  "sinks/mqtt/meter-state.ts MAX_LISTS": "Only what is sent again after a reconnect; the most lists seen are three.",
  "sinks/mqtt/reading-publisher.ts MAX_IN_FLIGHT": "The newest reading waits; a broker that does not answer is told.",
  "sinks/output/listener.ts RETRY_MOST_MS": PAUSE,
  "sinks/output/meter-feed.ts LEAST_LIMIT_MS": "A time.",
  "sinks/output/recent-clients.ts MAX_CLIENTS": "A count in the status; each client is served.",
  "sinks/p1/p1-port.ts RETRY_MOST_MS": PAUSE,
  "sinks/shelly/shelly-rpc.ts MAX_MESSAGE":
    "The client learns it: HTTP 413, WebSocket 1009; a longer datagram is no request.",
  "sinks/sunspec/sunspec-output.ts MAX_REGISTERS": "The client gets an exception (Modbus: at most 125 registers).",
  "sources/amis-answer.ts LONGEST_FRAME": "The protocol's longest frame.",
  "sources/amis-master.ts MAX_UNANSWERED": "A number of attempts, after which the meter is searched again.",
  "sources/capture-stream.ts LONGEST_TIME": "How much of a capture is looked at to recognize its kind.",
  "sources/hex-text.ts MAX_LINE": "A longer line is read in parts, nothing is lost.",
  "sources/replay.ts LONGEST_STEP_S": "A time: a longer gap in a capture is replayed as the usual period.",
  "sources/tcp.ts MAX_WAITING_BYTES": "The socket is read on once the bytes are decoded; nothing is lost.",
};

const CONSTANT = /^\s*(?:export )?const ([A-Z][A-Z0-9_]*)\b/gm;
/** Names of limits (CONTRIBUTING.md, "House rules"). */
const LIMIT = /(^|_)(MAX|MOST|LIMITS?|LARGEST|LONGEST)(_|$)/;

const sources = new Map(
  readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => [name, readFileSync(join("src", name), "utf8")]),
);
const constants = [...sources].flatMap(([file, text]) =>
  [...text.matchAll(CONSTANT)].map(([, name = ""]) => ({ key: `${file} ${name}`, name })),
);

describe("every limit", () => {
  it("is told when it is reached, or has a reason why not", () => {
    const missing = constants.filter(({ key, name }) => LIMIT.test(name) && !(key in TOLD) && !(key in NOT_TOLD));
    expect(
      missing.map(({ key }) => key),
      "What happens when this limit is reached? If a user notices it: log once, with the number from the constant and what to do, and add a row to TOLD in test/every-limit.test.ts. Otherwise add a row to NOT_TOLD with the reason.",
    ).toEqual([]);
  });

  it("stands in one table only, and still exists", () => {
    const known = new Set(constants.map(({ key }) => key));
    const rows = [...Object.keys(TOLD), ...Object.keys(NOT_TOLD)];
    expect(
      rows.filter((key, index) => !known.has(key) || rows.indexOf(key) !== index),
      "Remove these rows from test/every-limit.test.ts, or rename them: src has no such constant, or both tables have it.",
    ).toEqual([]);
  });

  it.each(Object.entries(TOLD))("%s: the message is in the source", (key, [file, text]) => {
    const place = file ?? key.split(" ")[0] ?? "";
    expect(
      sources.get(place)?.replace(/\s+/g, " "),
      `src/${place} should contain the message: correct the row in TOLD, or tell the limit again.`,
    ).toContain(text);
  });
});
