import { describe, expect, it } from "vitest";
import {
  describeConnectionError,
  TAKEN_OVER,
  THROWN_OUT,
} from "../../../../src/sinks/mqtt/connection/connection-errors.ts";
import { REASONS } from "../../../../src/sinks/mqtt/connection/reason-codes.ts";

const LABEL = "mqtt://broker.example:1883";

describe("connection errors", () => {
  it.each([
    1,
    2,
    3,
    4,
    5,
    132,
    133,
    134,
    135,
    136,
    137,
    138,
    140,
    199,
    TAKEN_OVER,
    THROWN_OUT,
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ECONNRESET",
    "EPROTO",
    "ERR_INVALID_URL",
    "closed",
    "EACCES",
    "CERT_HAS_EXPIRED",
    "EWHATEVER",
  ])("%s is explained in English and German", (code) => {
    const { key, text, de } = describeConnectionError(Object.assign(new Error("detail"), { code }), LABEL);
    expect(key).not.toBe("");
    expect(text).toMatch(code === "EACCES" ? /mqtt\.ca/ : /broker at mqtt:\/\/broker\.example:1883/);
    expect(text).not.toMatch(/[äöüß]|\bder\b|\bnicht\b/);
    expect(de).toMatch(/\b(?:Broker|Client-ID|mqtt\.ca)\b|Zertifikat/);
    expect(de).not.toMatch(/\b(?:the|broker at|cannot|refuses|trying)\b/i);
  });

  it.each(Object.entries(REASONS).filter(([code]) => Number(code) !== TAKEN_OVER))(
    "reason code %s names the broker, what it refuses, and the fix",
    (code, { refuses, cure }) => {
      const { text, de, refused } = describeConnectionError({ code: Number(code) }, LABEL);
      expect(text).toBe(`the broker at ${LABEL} refuses ${refuses.en}: ${cure.en}. Retrying`);
      expect(de).toContain(cure.de);
      // Retried only after long pauses, however many readings are waiting.
      expect(refused).toBe(true);
    },
  );

  it.each([
    [0x8e, /same client id.*mqtt\.client_id/],
    [0x87, /login.*mqtt\.user and mqtt\.password/],
    [0x86, /login.*mqtt\.user and mqtt\.password/],
    [0x97, /quota.*publish\.interval/],
    [0x9d, /moved to another server.*names mqtt\.example\.com.*mqtt\.server/],
    [0x9c, /another server for now.*names mqtt\.example\.com.*mqtt\.server/],
    [0x95, /too large.*max_packet_size/],
    [0x8d, /heard nothing.*mqtt\.keepalive/],
  ])("reason code %i has its own fix", (code, expected) => {
    expect(describeConnectionError({ code }, LABEL, "mqtt.example.com").text).toMatch(expected);
  });
});
