/** The version of the program, from package.json (the only place where it stands). */
import manifest from "../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
