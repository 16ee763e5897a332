/** A grid operator's file that cannot be parsed: the message says what was found, `line` where (from 1). */
export class PortalError extends Error {
  override readonly name = "PortalError";
  readonly line: number | null;

  constructor(message: string, line: number | null = null) {
    super(line === null ? message : `line ${line}: ${message}`);
    this.line = line;
  }
}
