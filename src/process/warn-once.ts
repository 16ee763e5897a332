/** Warnings about limits: each further message exceeds them again, but one line says it. */
import type { ComponentLog } from "../log/component-log.ts";

/** Logs the first text of each limit. */
export type WarnOnce = (limit: string, text: string) => void;

/** A `WarnOnce` that writes to this log. */
export function warnOnce(log: Pick<ComponentLog, "warn">): WarnOnce {
  const told = new Set<string>();
  return (limit, text) => {
    if (told.has(limit)) return;
    told.add(limit);
    log.warn(text);
  };
}
