import { describe, expect, it } from "vitest";
import { pageUrl } from "../../src/process/page-url.ts";

describe("the link to the status page", () => {
  const http = { enabled: true, host: "192.168.1.5", port: 8099 };

  it("is the configured address, else the single network address that the page listens on", () => {
    expect(pageUrl(http, false)).toEqual({ configurationUrl: "http://192.168.1.5:8099/" });
    expect(pageUrl({ ...http, host: "fd00::5" }, false)).toEqual({ configurationUrl: "http://[fd00::5]:8099/" });
    const url = "https://meter.example/";
    expect(pageUrl({ ...http, host: "0.0.0.0", url }, false)).toEqual({ configurationUrl: url });
  });

  it.each([
    ["the page is off", { ...http, enabled: false, url: "http://a/" }, false],
    ["the Supervisor serves it", http, true],
    ...["127.0.0.1", "localhost", "::1", "0.0.0.0", "::", ""].map(
      (host) => [`it listens on "${host}"`, { ...http, host }, false] as const,
    ),
  ] as const)("is omitted rather than wrong if %s", (_why, options, supervised) => {
    expect(pageUrl(options, supervised)).toEqual({});
  });
});
