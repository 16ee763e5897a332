/** The mDNS library, loaded when something is announced. It is CommonJS: this module gives it named exports when bundled. */
import ciao from "@homebridge/ciao";

export const { getResponder } = ciao;
