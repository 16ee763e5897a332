import type { Plugin } from "esbuild";

/** Builds the status page and the decode page into a folder. @param plugins for the bundles of their scripts */
export function buildPage(outdir: string, plugins?: { page?: Plugin[]; decode?: Plugin[] }): Promise<void>;
