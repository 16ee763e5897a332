/** A successful JSON answer that is sent to many clients: its bytes are built once. */

const HEADERS = ["content-type", "application/json", "cache-control", "no-store", "x-content-type-options", "nosniff"];
const HEAD = `HTTP/1.1 200 OK\r\n${HEADERS.map((part, index) => part + (index % 2 === 0 ? ": " : "\r\n")).join("")}`;

export class PreparedAnswer {
  readonly body: Buffer;
  /** For `writeHead`: names and values in turn. */
  readonly headers: readonly string[];
  #bytes: Buffer = Buffer.alloc(0);
  #second = Number.NaN;

  /** @param json the body */
  constructor(json: string) {
    this.body = Buffer.from(json);
    this.headers = [...HEADERS, "content-length", String(this.body.length)];
  }

  /**
   * Head and body for a connection that stays open, as Node's server would write them.
   * @param keepAlive seconds after which an idle connection is closed
   * @param wall time for the `Date` header, milliseconds since 1970
   */
  bytes(keepAlive: number, wall: number): Buffer {
    const second = Math.floor(wall / 1000);
    if (second !== this.#second) {
      const date = new Date(second * 1000).toUTCString();
      const head = `${HEAD}content-length: ${this.body.length}\r\nDate: ${date}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${keepAlive}\r\n\r\n`;
      this.#bytes = Buffer.concat([Buffer.from(head, "latin1"), this.body]);
      this.#second = second;
    }
    return this.#bytes;
  }
}
