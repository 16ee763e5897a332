/** How the status page answers: JSON, CSV and the files of the page. */
import type { Context } from "hono";
import { printable } from "../log/printable.ts";
import { type Asset, encode } from "./assets.ts";

/** What the adapter of Node's server adds to each request. */
export type Bindings = {
  incoming?: { socket?: { remoteAddress?: string } };
  outgoing?: { destroy(): void };
};
/** A request and its answer. */
export type Ctx = Context<{ Bindings: Bindings }>;

/** A file of the page, or 404 if it has not been built. */
export function sendAsset(c: Ctx, asset: Asset | undefined): Response {
  if (asset === undefined) return c.text("The page has not been built.\n", 404);
  c.header("cache-control", "no-cache");
  c.header("etag", asset.etag);
  c.header("vary", "accept-encoding");
  if (asset.policy !== null) c.header("content-security-policy", `${asset.policy}; frame-ancestors 'self'`);
  if (c.req.header("if-none-match") === asset.etag) return c.body(null, 304);
  const { body, encoding } = encode(asset, c.req.header("accept-encoding") ?? "");
  if (encoding !== null) c.header("content-encoding", encoding);
  return c.body(body, 200, { "content-type": asset.type });
}

/** JSON with characters escaped that could reorder or hide displayed text (U+202E, …): it may come from a meter, broker or file. */
export function jsonText(value: object): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? printable(part) : part));
}

export function sendJson(c: Ctx, value: object): Response {
  return c.body(jsonText(value), 200, { "content-type": "application/json" });
}

/** A CSV file to download. */
export function sendCsv(c: Ctx, name: string, text: string): Response {
  const stamp = new Date().toISOString().slice(0, 10);
  return c.body(text, 200, {
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": `attachment; filename="kaifa2mqtt-${name}-${stamp}.csv"`,
  });
}
