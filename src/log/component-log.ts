/** The part of the logger that meters, sinks and the diagnosis use. */
export interface ComponentLog {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string | (() => string)): void;
}
