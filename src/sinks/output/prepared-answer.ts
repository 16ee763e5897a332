/** A successful JSON answer that is sent to many clients: its bytes are built once. */

const HEADERS = ["content-type", "application/json", "cache-control", "no-store", "x-content-type-options", "nosniff"];

export class PreparedAnswer {
  readonly body: Buffer;
  /** For `writeHead`: names and values in turn. */
  readonly headers: readonly string[];

  /** @param json the body */
  constructor(json: string) {
    this.body = Buffer.from(json);
    this.headers = [...HEADERS, "content-length", String(this.body.length)];
  }
}
