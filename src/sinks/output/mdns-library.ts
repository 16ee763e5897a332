/** The mDNS library, to be loaded when something is announced. It is CommonJS; this module gives it named exports once bundled. */
import ciao from "@homebridge/ciao";

export const { getResponder } = ciao;
