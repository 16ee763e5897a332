import type { Plugin } from "esbuild";

/** Builds the status page into a folder. @param plugins for the bundle of its script */
export function buildPage(outdir: string, plugins?: Plugin[]): Promise<void>;
