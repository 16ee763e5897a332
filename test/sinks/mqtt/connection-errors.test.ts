import { describe, expect, it } from "vitest";
import { describeConnectionError, TAKEN_OVER, THROWN_OUT } from "../../../src/sinks/mqtt/connection-errors.ts";

const LABEL = "mqtt://broker.example:1883";

describe("what keeps us from the broker", () => {
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
  ])("%s is told in English and in German", (code) => {
    const { key, text, de } = describeConnectionError(Object.assign(new Error("detail"), { code }), LABEL);
    expect(key).not.toBe("");
    expect(text).toMatch(code === "EACCES" ? /mqtt\.ca/ : /broker at mqtt:\/\/broker\.example:1883/);
    expect(text).not.toMatch(/[äöüß]|\bder\b|\bnicht\b/);
    expect(de).toMatch(/\b(?:Broker|Client-ID|mqtt\.ca)\b|Zertifikat/);
    expect(de).not.toMatch(/\b(?:the|broker at|cannot|refuses|trying)\b/i);
  });
});
