/** The binding of the `serialport` library alone, loaded when a device is opened, as serialport-library.ts loads the whole. */
export { autoDetect } from "@serialport/bindings-cpp";
