/** Options of a meter: `meter:` or an item of `meters:`. */
import * as z from "zod/mini";
import { isKey, normalizeKey } from "../hex-key.ts";
import { isAddress, meterId, option, text, whole } from "./option.ts";

const hexKey = () => z.string().check(z.overwrite(normalizeKey), z.refine(isKey));

const PORT =
  /^(?:tcp:\/\/(?:\[[0-9a-fA-F:.]+\]|[^\s/:[\]@]+):\d{1,5}\/?|file:.+|simulator:.*|(?!\w+:\/\/|file:$|tcp:).+)$/;

export const meterSchema = z.strictObject({
  port: option(
    z.string().check(
      z.minLength(1),
      z.maxLength(1024),
      z.regex(PORT),
      z.refine((port) => !port.startsWith("tcp://") || isAddress(port)),
    ),
    {
      title: { en: "Port", de: "Anschluss" },
      help: {
        en: "Where the bytes of the meter come from: a serial device (best /dev/serial/by-id/…), tcp://host:port (ser2net, ESP bridges), file:capture, or simulator: for a simulated meter.",
        de: "Woher die Bytes des Zählers kommen: ein serielles Gerät (am besten /dev/serial/by-id/…), tcp://host:port (ser2net, ESP-Brücken), file:Mitschnitt, oder simulator: für einen simulierten Zähler.",
      },
      allowed: "a serial device such as /dev/ttyUSB0, tcp://host:port, file:capture or simulator:",
      example: "/dev/ttyUSB0",
    },
  ),
  key: option(z.optional(hexKey()), {
    title: { en: "Encryption key", de: "Schlüssel" },
    help: {
      en: "The key (GUEK) from the grid operator: 32 hex digits, optionally with blanks and colons between them. Without it, only unencrypted telegrams can be read.",
      de: "Der Schlüssel (GUEK), den der Netzbetreiber ausgibt: 32 Hexadezimalziffern, Leerzeichen und Doppelpunkte dazwischen sind erlaubt. Ohne ihn sind nur unverschlüsselte Telegramme lesbar.",
    },
    secret: true,
    allowed: "32 hex digits, as the grid operator hands them out; blanks and colons between them allowed",
    example: "36C66639E48A8CA4D6BC8B282A793BBB",
  }),
  authentication_key: option(z.optional(hexKey()), {
    title: { en: "Authentication key", de: "Authentifizierungsschlüssel" },
    help: {
      en: "The authentication key (GAK), only if the grid operator gave one; telegrams are then verified.",
      de: "Der Authentifizierungsschlüssel (GAK), nur wenn der Netzbetreiber einen ausgibt; Telegramme werden damit geprüft.",
    },
    secret: true,
    allowed: "32 hex digits, as the grid operator hands them out; blanks and colons between them allowed",
    example: "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
  }),
  name: option(z.optional(text(64)), {
    title: { en: "Name", de: "Name" },
    help: { en: "Name of the device in Home Assistant.", de: "Name des Geräts in Home Assistant." },
    example: "Kaifa MA309",
    unset: "manufacturer and model, if the telegram reveals them",
  }),
  id: option(z.optional(meterId()), {
    title: { en: "Identifier", de: "Kennung" },
    help: {
      en: "The meter's part of MQTT topics and unique ids.",
      de: "Der Teil der MQTT-Topics und eindeutigen Kennungen, der für den Zähler steht.",
    },
    allowed: "1 to 64 letters, digits, _ and - (and not the word bridge)",
    example: "house",
    unset: "the meter's own number",
  }),
  baud_rate: option(z._default(whole(300, 921_600), 2400), {
    title: { en: "Baud rate", de: "Baudrate" },
    help: {
      en: "Speed of the serial line: 2400 for M-Bus, 9600 for most infrared heads, 115200 for P1.",
      de: "Geschwindigkeit der seriellen Leitung: 2400 bei M-Bus, 9600 bei den meisten Infrarotköpfen, 115200 bei P1.",
    },
  }),
  data_bits: option(z._default(whole(5, 8), 8), {
    title: { en: "Data bits", de: "Datenbits" },
    help: { en: "Data bits of the serial line.", de: "Datenbits der seriellen Leitung." },
  }),
  parity: option(z._default(z.enum(["auto", "none", "even", "odd"]), "auto"), {
    title: { en: "Parity", de: "Parität" },
    help: {
      en: "Parity of the serial line; auto tries even, then none, then (at the default baud rate) 9600 8E1 for AMIS meters, until telegrams arrive.",
      de: "Parität der seriellen Leitung; auto versucht even, dann none, dann (bei der voreingestellten Baudrate) 9600 8E1 für AMIS-Zähler, bis Telegramme kommen.",
    },
  }),
  stop_bits: option(z._default(whole(1, 2), 1), {
    title: { en: "Stop bits", de: "Stoppbits" },
    help: { en: "Stop bits of the serial line.", de: "Stoppbits der seriellen Leitung." },
  }),
});
