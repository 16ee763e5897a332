/** Builds the status page into a folder. */
export function buildPage(outdir: string): Promise<void>;
