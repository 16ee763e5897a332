/** Version and repository, from package.json. */
import manifest from "../package.json" with { type: "json" };

/** The version of the program. */
export const VERSION: string = manifest.version;

/** Repository and support. */
export const REPOSITORY_URL = `https://github.com/${manifest.repository.replace("github:", "")}`;
