/** What package.json says of the program, the only place where it stands. */
import manifest from "../package.json" with { type: "json" };

/** The version of the program. */
export const VERSION: string = manifest.version;

/** Where the program is developed, and questions are answered. */
export const REPOSITORY_URL = `https://github.com/${manifest.repository.replace("github:", "")}`;
