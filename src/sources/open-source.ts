/** Creates a source from a port string. */
import type { ListDefinition } from "../codec/lists/list-definition.ts";
import { ReplaySource } from "./replay.ts";
import { SerialSource } from "./serial.ts";
import { SimulatorSource } from "./simulator.ts";
import { type Source, SourceError } from "./source.ts";
import { parseTcpAddress, TcpSource } from "./tcp.ts";

/** Keys for sources that generate or decode telegrams themselves. */
export interface SourceKeys {
  readonly key?: Uint8Array | undefined;
  readonly authenticationKey?: Uint8Array | undefined;
  /** User-defined lists, for sources that decode telegrams to determine their timing. */
  readonly lists?: readonly ListDefinition[] | undefined;
}

/**
 * Accepts `/dev/…` or `COM3` (serial device), `tcp://host:port`, `file:capture` (`?interval=SECONDS` replaces the meter's
 * own timing) and `simulator:` (`?layout=…&interval=…&speed=…&seed=…&count=…`). Does not open the source yet.
 * @throws SourceError `unsupported` for any other string
 */
export function openSource(port: string, keys: SourceKeys = {}): Source {
  const scheme = /^([a-z][a-z0-9+-]+):/i.exec(port)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return new SerialSource(port);
    case "tcp": {
      const { host, port: number } = parseTcpAddress(port);
      return new TcpSource(host, number);
    }
    case "file": {
      const [, path = "", query] = /^file:(?:\/\/(?=\/))?(.*?)(?:\?([a-z]+=[^?/]*))?$/i.exec(port) ?? [];
      return new ReplaySource(path, { ...keys, interval: numberOf(new URLSearchParams(query), "interval", port) });
    }
    case "simulator": {
      const query = new URLSearchParams(port.slice("simulator:".length).replace(/^\/*\??/, ""));
      return new SimulatorSource({
        ...keys,
        layout: query.get("layout") ?? undefined,
        seed: numberOf(query, "seed", port),
        interval: numberOf(query, "interval", port),
        speed: numberOf(query, "speed", port),
        count: numberOf(query, "count", port),
      });
    }
    default:
      throw new SourceError("unsupported", `${port}: expected a device, tcp://host:port, file:capture or simulator:`);
  }
}

function numberOf(query: URLSearchParams, name: string, port: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const number = Number(text);
  if (text === "" || !Number.isFinite(number) || number < 0) {
    throw new SourceError("unsupported", `${port}: ${name} must be a number`);
  }
  return number;
}
