/** A Home Assistant entity, before it becomes part of a discovery message (discovery.ts). */
import type { Platform } from "../topics.ts";

export interface Entity {
  /** `<key>` in the unique id and topic; must never change. */
  readonly key: string;
  readonly platform: Platform;
  readonly name: string;
  /** The entity's own fields: topics, templates, classes, unit. */
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * When the entity is available: `meter` while bridge and meter are, `bridge` also while the meter is silent, `always`
   * even when the bridge is gone (for the entity that shows this).
   */
  readonly available: "meter" | "bridge" | "always";
}

export type Language = "en" | "de";

/** Options shared by all entities. */
export interface EntityOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  readonly language: Language;
  /** Whether the bridge fills gaps in Home Assistant's statistics (`homeassistant.backfill`). */
  readonly backfill?: boolean | undefined;
}

/** Disabled until the user enables it. */
export const DISABLED = { enabled_by_default: false } as const;
export const DIAGNOSTIC = { entity_category: "diagnostic" } as const;
