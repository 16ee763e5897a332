/** The files of the page as built, each also compressed. Read once and kept in memory (about 550 KB). */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const TYPES = {
  "index.html": "text/html; charset=utf-8",
  "decode.html": "text/html; charset=utf-8",
  "help.html": "text/html; charset=utf-8",
  "help.de.html": "text/html; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
  "openapi.yaml": "application/yaml; charset=utf-8",
} as const satisfies Record<string, string>;

export type AssetName = keyof typeof TYPES;
export const ASSET_NAMES = Object.keys(TYPES) as readonly AssetName[];

export interface Asset {
  readonly type: string;
  readonly etag: string;
  /** The document's own Content-Security-Policy; `null`: the default of every answer applies. */
  readonly policy: string | null;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly brotli: Uint8Array<ArrayBuffer>;
}

/** @param folder `dist/page` */
export async function loadAssets(folder: string): Promise<ReadonlyMap<AssetName, Asset>> {
  const assets = new Map<AssetName, Asset>();
  for (const name of ASSET_NAMES) {
    const read = async (suffix: string) => new Uint8Array(await readFile(join(folder, name + suffix)));
    const plain = await read("");
    assets.set(name, {
      type: TYPES[name],
      etag: `"${createHash("sha256").update(plain).digest("hex").slice(0, 20)}"`,
      policy: policyOf(name, plain),
      plain,
      gzip: await read(".gz"),
      brotli: await read(".br"),
    });
  }
  return assets;
}

/** The policy in the `meta` element at the start of a document. */
function policyOf(name: AssetName, plain: Uint8Array): string | null {
  if (!name.endsWith(".html")) return null;
  const head = Buffer.from(plain.subarray(0, 2_048)).toString("latin1");
  return /<meta http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(head)?.[1] ?? null;
}

/** Picks the smallest encoding that the client accepts. */
export function encode(
  asset: Asset,
  acceptEncoding: string,
): { body: Uint8Array<ArrayBuffer>; encoding: string | null } {
  if (/\bbr\b/.test(acceptEncoding)) return { body: asset.brotli, encoding: "br" };
  if (/\bgzip\b/.test(acceptEncoding)) return { body: asset.gzip, encoding: "gzip" };
  return { body: asset.plain, encoding: null };
}
