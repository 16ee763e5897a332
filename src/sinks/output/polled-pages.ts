/** Pages that clients poll, answered from bytes built once per reading; the routes answer everything else. */
import type { IncomingMessage, RequestListener } from "node:http";
import type { PreparedAnswer } from "./prepared-answer.ts";

/** The page as it is now; `null`: there is none, the routes answer. */
export type PolledPage = () => PreparedAnswer | null;

export interface PolledPagesOptions {
  /** By request target: path and query. */
  readonly pages: ReadonlyMap<string, PolledPage>;
  /** Whether requests with this `Host` header are answered. */
  readonly admits: (host: string | undefined) => boolean;
  /** Called with the client's address for each request. */
  readonly onRequest: (address: string) => void;
  /** Answers all other requests. */
  readonly routes: RequestListener;
}

/** For the server's `request` event. */
export function servePolledPages({ pages, admits, onRequest, routes }: PolledPagesOptions): RequestListener {
  const answerTo = ({ method, url = "", headers }: IncomingMessage): PreparedAnswer | null => {
    const page = method === "GET" ? pages.get(url) : undefined;
    return page !== undefined && admits(headers.host) ? page() : null;
  };
  return (request, response) => {
    const answer = answerTo(request);
    if (answer === null) return void routes(request, response);
    onRequest(request.socket.remoteAddress ?? "unknown");
    response.writeHead(200, answer.headers as string[]);
    response.end(answer.body);
  };
}
