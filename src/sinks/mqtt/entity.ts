/** What an entity in Home Assistant is before it becomes part of a discovery message (discovery.ts). */
import type { Platform } from "./topics.ts";

export interface Entity {
  /** `<key>` in unique id and topic; a promise. */
  readonly key: string;
  readonly platform: Platform;
  readonly name: string;
  /** What differs from entity to entity: topics, templates, classes, unit. */
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * When it is available: `meter` while bridge and meter are, `bridge` also while the meter is silent, `always` even when
   * the bridge is gone (the entity that shows so).
   */
  readonly available: "meter" | "bridge" | "always";
}

export type Language = "en" | "de";

/** Options that all entities share. */
export interface EntityOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  readonly language: Language;
  /** Whether the bridge fills holes in Home Assistant's statistics (`homeassistant.backfill`). */
  readonly backfill?: boolean | undefined;
}

/** Disabled until the user enables it. */
export const DISABLED = { enabled_by_default: false } as const;
export const DIAGNOSTIC = { entity_category: "diagnostic" } as const;
