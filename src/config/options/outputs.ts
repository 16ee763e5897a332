/**
 * Outputs for other machines: `outputs:`. Each is one section or a list of them; an output with neither `listen` nor
 * `port` is off.
 */
import * as z from "zod/mini";
import { LISTEN_ALLOWED, listenAddress, meterId, option, text, whole } from "./option.ts";

const listen = (example: string) =>
  option(z.optional(listenAddress()), {
    title: { en: "Address", de: "Adresse" },
    help: {
      en: "Address and port to listen on: 127.0.0.1 for this computer only, 0.0.0.0 for the network.",
      de: "Adresse und Port, die der Ausgang bedient: 127.0.0.1 nur für diesen Rechner, 0.0.0.0 für das Netz.",
    },
    allowed: LISTEN_ALLOWED,
    example,
    unset: "off",
  });
const meter = () =>
  option(z.optional(meterId()), {
    title: { en: "Meter", de: "Zähler" },
    help: {
      en: "The `id` of the meter to serve; required if there are several.",
      de: "Die `id` des Zählers, der ausgegeben wird; nötig bei mehreren Zählern.",
    },
    allowed: "the id of one of the meters",
    example: "house",
    unset: "the only meter",
  });
const mdns = () =>
  option(z._default(z.boolean(), false), {
    title: { en: "Announce by mDNS", de: "Mit mDNS ankündigen" },
    help: {
      en: "Whether the output announces itself in the local network.",
      de: "Ob sich der Ausgang im lokalen Netz ankündigt.",
    },
  });
const phasePower = () =>
  option(z._default(z.enum(["sent", "computed"]), "sent"), {
    title: { en: "Power of each phase", de: "Leistung je Phase" },
    help: {
      en: "What to do if the meter does not send the power of each phase. sent: omit it (a Shelly needs a value, so the first phase gets the total). computed: derive it from voltage and current if the totals prove the sign.",
      de: "Was gilt, wenn der Zähler die Leistung je Phase nicht sendet. sent: sie wird weggelassen (ein Shelly braucht einen Wert, dort bekommt die erste Phase die Summe). computed: aus Spannung und Strom, wenn die Summen das Vorzeichen beweisen.",
    },
  });

const p1Schema = z.strictObject({
  listen: listen("127.0.0.1:2000"),
  port: option(z.optional(text(1024)), {
    title: { en: "Serial port", de: "Serielle Schnittstelle" },
    help: {
      en: "A serial port or PTY that the telegrams are written to, 115200 baud.",
      de: "Eine serielle Schnittstelle oder ein PTY, in das die Telegramme geschrieben werden, 115200 Baud.",
    },
    allowed: "a serial device such as /dev/ttyUSB1",
    example: "/dev/ttyUSB1",
    unset: "off",
  }),
  meter: meter(),
});

const homewizardSchema = z.strictObject({
  listen: listen("127.0.0.1:8080"),
  mdns: mdns(),
  phase_power: phasePower(),
  meter: meter(),
});

const sunspecSchema = z.strictObject({
  listen: listen("127.0.0.1:1502"),
  unit_id: option(z._default(whole(1, 247), 1), {
    title: { en: "Unit id", de: "Unit-Id" },
    help: {
      en: "Modbus unit id to answer; Fronius inverters query their meter at 240.",
      de: "Modbus-Unit-Id, auf die geantwortet wird; Fronius-Wechselrichter fragen ihren Zähler unter 240 ab.",
    },
  }),
  model: option(z._default(z.enum(["integer", "float"]), "integer"), {
    title: { en: "Meter model", de: "Zählermodell" },
    help: {
      en: "integer: SunSpec models 201/203 with scale factors. float: models 211/213.",
      de: "integer: SunSpec-Modelle 201/203 mit Skalierung. float: Modelle 211/213.",
    },
  }),
  phase_power: phasePower(),
  meter: meter(),
});

const shellySchema = z.strictObject({
  listen: listen("127.0.0.1:8081"),
  udp: option(z._default(z.array(whole(1, 65_535)).check(z.maxLength(4)), []), {
    title: { en: "UDP ports", de: "UDP-Ports" },
    help: {
      en: "UDP ports that answer RPC requests, at the address of `listen`: batteries query 1010 and 2220.",
      de: "UDP-Ports, die RPC-Anfragen beantworten, an der Adresse von `listen`: 1010 und 2220 fragen Batterien ab.",
    },
    allowed: "a list of port numbers",
    example: "[1010, 2220]",
    unset: "none",
  }),
  mdns: mdns(),
  never_zero: option(z._default(z.boolean(), false), {
    title: { en: "Never exactly 0 W", de: "Nie genau 0 W" },
    help: {
      en: "Whether to report a total power of 0 W as 0.1 W, for battery firmware that takes 0 for a missing meter.",
      de: "Ob eine Summe von 0 W als 0,1 W ausgegeben wird, für Batterien, die 0 für einen fehlenden Zähler halten.",
    },
  }),
  phase_power: phasePower(),
  meter: meter(),
});

const several = <Schema extends z.ZodMiniType>(schema: Schema) =>
  z.prefault(z.array(schema).check(z.maxLength(32)), []);
const about = (name: string, en: string, de: string) => ({ title: { en: name, de: name }, help: { en, de } });

export const outputsSchema = z.strictObject({
  p1: option(
    several(p1Schema),
    about(
      "P1",
      "The meter as a P1 meter (DSMR 5.0) over TCP or on a serial port.",
      "Der Zähler als P1-Zähler (DSMR 5.0) über TCP oder an einer seriellen Schnittstelle.",
    ),
  ),
  homewizard: option(
    several(homewizardSchema),
    about(
      "HomeWizard",
      "The meter as a HomeWizard P1 meter (local API v1).",
      "Der Zähler als HomeWizard-P1-Zähler (lokale API v1).",
    ),
  ),
  sunspec: option(
    several(sunspecSchema),
    about("SunSpec", "The meter as a SunSpec meter over Modbus TCP.", "Der Zähler als SunSpec-Zähler über Modbus TCP."),
  ),
  shelly: option(
    several(shellySchema),
    about("Shelly", "The meter as a Shelly Pro 3EM.", "Der Zähler als Shelly Pro 3EM."),
  ),
});
