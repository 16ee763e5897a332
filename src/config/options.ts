/**
 * THE table of options: every option once, with type, default, help and a mark on secrets. From it come the `Config`
 * type, the checks, the JSON Schema, the names of environment variables, the example file, the reference in the
 * documentation and the add-on's options (see describe.ts).
 */
import * as z from "zod";

const HEX_KEY = /^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{64})$/;

/** 32 hex digits; blanks, colons, commas, dashes and a leading 0x are forgiven. The result is 32 (64) upper-case digits. */
const hexKey = z
  .string()
  .transform((text) =>
    text
      .replace(/^0x/i, "")
      .replace(/[\s:,-]/g, "")
      .toUpperCase(),
  )
  .refine((text) => HEX_KEY.test(text), "expected 32 hex digits");

export const meterSchema = z.strictObject({
  port: z.string().min(1).describe("Serial device, tcp://host:port, file:capture or simulator:"),
  key: hexKey.optional().meta({ secret: true }).describe("Encryption key (GUEK) from the grid operator, 32 hex digits"),
  authentication_key: hexKey
    .optional()
    .meta({ secret: true })
    .describe("Authentication key (GAK), only if the grid operator gave one"),
  name: z.string().min(1).max(64).optional().describe("Device name in Home Assistant"),
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional()
    .describe("Topic segment; default: the meter's own number"),
  baud_rate: z.coerce.number().int().min(300).max(921600).default(2400).describe("Baud rate"),
  data_bits: z.coerce.number().int().min(5).max(8).default(8).describe("Data bits"),
  parity: z
    .enum(["auto", "none", "even", "odd"])
    .default("auto")
    .describe("auto: even, then none, until telegrams come"),
  stop_bits: z.coerce.number().int().min(1).max(2).default(1).describe("Stop bits"),
});

export const configSchema = z.strictObject({
  meters: z.array(meterSchema).min(1),
  mqtt: z.strictObject({
    server: z.string().optional(),
    user: z.string().optional(),
    password: z.string().optional().meta({ secret: true }),
    client_id: z.string().optional(),
    base_topic: z.string().default("kaifa2mqtt"),
    version: z.coerce.number().int().min(4).max(5).default(5),
    keepalive: z.coerce.number().int().min(5).max(3600).default(60),
    ca: z.string().optional(),
    cert: z.string().optional(),
    key: z.string().optional(),
    reject_unauthorized: z.boolean().default(true),
    /** Set by an imported meter.json with export_format MQTT: topics of the predecessor. */
    legacy_base_topic: z.string().optional(),
  }),
  homeassistant: z.strictObject({
    enabled: z.boolean().default(true),
    discovery_topic: z.string().default("homeassistant"),
    status_topic: z.string().default("homeassistant/status"),
    language: z.enum(["en", "de"]).default("en"),
  }),
  publish: z.strictObject({ interval: z.coerce.number().min(0).default(0) }),
  solarview: z.strictObject({ file: z.string().optional() }),
  log: z.strictObject({
    level: z.enum(["error", "warn", "info", "debug"]).default("info"),
    format: z.enum(["text", "json"]).default("text"),
    file: z.string().optional(),
  }),
  http: z.strictObject({
    enabled: z.boolean().default(false),
    host: z.string().default("0.0.0.0"),
    port: z.coerce.number().int().min(1).max(65535).default(8099),
    token: z.string().optional().meta({ secret: true }),
  }),
  data_dir: z.string().optional(),
});

export type Config = z.output<typeof configSchema>;
export type MeterConfig = Config["meters"][number];
export type MqttConfig = Config["mqtt"];
export type HomeAssistantConfig = Config["homeassistant"];
export type LogConfig = Config["log"];
export type HttpConfig = Config["http"];
