/** The mDNS library, loaded on the first announcement. It is CommonJS: this module gives it named exports when bundled. */
import ciao from "@homebridge/ciao";

export const { getResponder } = ciao;
