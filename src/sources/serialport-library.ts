/**
 * Wrapper to load the `serialport` library only when a device is opened: `await import("./serialport-library.ts")`. The
 * library is CommonJS, so a direct dynamic import has no named exports once bundled; this module does.
 */
export { SerialPort } from "serialport";
