/**
 * Wrapper to load the binding of the `serialport` library only when a device is opened: `await import("./serial-binding.ts")`.
 * The library is CommonJS, so a direct dynamic import has no named exports once bundled; this module does.
 */
export { autoDetect } from "@serialport/bindings-cpp";
