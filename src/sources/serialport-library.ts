/**
 * The `serialport` library, to be loaded when a device is opened: `await import("./serialport-library.ts")`. The library
 * is CommonJS; a dynamic import of it has no named exports once it is bundled, this module has.
 */
export { SerialPort } from "serialport";
