/** Addresses to listen on: `HOST:PORT`. */

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/**
 * Reads `127.0.0.1:2000`, `localhost:2000`, `[::1]:2000`.
 * @throws RangeError for anything else
 */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new RangeError(`not an address to listen on: ${text}`);
  return { host: match[1] ?? match[2] ?? "", port };
}

/** `127.0.0.1:2000`, `[::1]:2000` */
export function formatListen({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
