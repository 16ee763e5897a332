/** A successful JSON response for many clients, whose bytes are built once. */

const HEADERS = ["content-type", "application/json", "cache-control", "no-store", "x-content-type-options", "nosniff"];

export class PreparedAnswer {
  readonly body: Buffer;
  /** For `writeHead`: alternating names and values. */
  readonly headers: readonly string[];

  /** @param json the body */
  constructor(json: string) {
    this.body = Buffer.from(json);
    this.headers = [...HEADERS, "content-length", String(this.body.length)];
  }
}
