/**
 * The ports of the container that the Home Assistant app offers under "Network": `ports` and `ports_description` in
 * hassio-addon/config.yaml, `network` in its translations (`npm run docs`). All are closed until the user enters a number.
 */

/** Port and protocol in the container → its purpose. */
const PORTS: Readonly<Record<string, { readonly en: string; readonly de: string }>> = {
  "2000/tcp": {
    en: "P1 meter (DSMR); set outputs_p1: listen to 0.0.0.0:2000",
    de: "P1-Zähler (DSMR); dazu bei outputs_p1 unter listen 0.0.0.0:2000 eintragen",
  },
  "8080/tcp": {
    en: "HomeWizard P1 meter, most readers need 80 here; set outputs_homewizard: listen to 0.0.0.0:8080",
    de: "HomeWizard-P1-Zähler, die meisten Geräte verlangen hier 80; dazu bei outputs_homewizard unter listen 0.0.0.0:8080 eintragen",
  },
  "1502/tcp": {
    en: "SunSpec meter (Modbus TCP), some readers need 502 here; set outputs_sunspec: listen to 0.0.0.0:1502",
    de: "SunSpec-Zähler (Modbus TCP), manche Geräte verlangen hier 502; dazu bei outputs_sunspec unter listen 0.0.0.0:1502 eintragen",
  },
  "8081/tcp": {
    en: "Shelly Pro 3EM, most readers need 80 here; set outputs_shelly: listen to 0.0.0.0:8081",
    de: "Shelly Pro 3EM, die meisten Geräte verlangen hier 80; dazu bei outputs_shelly unter listen 0.0.0.0:8081 eintragen",
  },
  "1010/udp": {
    en: "Shelly Pro 3EM for batteries; set udp 1010 in outputs_shelly",
    de: "Shelly Pro 3EM für Batteriespeicher; dazu bei outputs_shelly unter udp 1010 eintragen",
  },
  "2220/udp": {
    en: "Shelly Pro 3EM for batteries; set udp 2220 in outputs_shelly",
    de: "Shelly Pro 3EM für Batteriespeicher; dazu bei outputs_shelly unter udp 2220 eintragen",
  },
};

/** `ports` in config.yaml: `null` means closed. */
export function formPorts(): Record<string, null> {
  return Object.fromEntries(Object.keys(PORTS).map((port) => [port, null]));
}

/** `ports_description` in config.yaml (English) and `network` in the translations. */
export function portDescriptions(language: "en" | "de"): Record<string, string> {
  return Object.fromEntries(Object.entries(PORTS).map(([port, words]) => [port, words[language]]));
}
