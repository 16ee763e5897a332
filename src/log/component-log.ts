/** The part of a logger that a meter, a sink or the diagnosis uses. */
export interface ComponentLog {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string | (() => string)): void;
}
