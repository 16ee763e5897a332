// Generates the man page and the bash completion from the table of commands (src/commands/command-table.ts).
import { readFileSync } from "node:fs";
import { bundled } from "./bundled.mjs";

const { COMMANDS, EXIT_CODES, globalOptions, SUMMARY } = await bundled("src/commands/command-table.ts");
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** Escapes a text for troff: backslashes, hyphens, and control characters at the start of a line. */
const troff = (text) =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
const optionLines = (options) =>
  options.map(({ flags, description }) => `.TP\n.B ${troff(flags)}\n${troff(description)}`).join("\n");

/** kaifa2mqtt(1), for `man`. @param {string} date of the release, YYYY-MM-DD */
export function manPage(date) {
  const commands = COMMANDS.map(({ name, args = "", summary, options = [] }) => {
    const head = `.SS ${troff(`${name} ${args}`.trim())}\n${troff(`${summary[0].toUpperCase()}${summary.slice(1)}.`)}`;
    return options.length === 0 ? head : `${head}\n${optionLines(options)}`;
  });
  return `.TH KAIFA2MQTT 1 "${date}" "kaifa2mqtt ${version}" "User Commands"
.SH NAME
kaifa2mqtt \\- smart\\-meter bridge for MQTT and Home Assistant
.SH SYNOPSIS
.B kaifa2mqtt
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
${troff(SUMMARY)}
Without a command it runs the bridge. The service reads
.IR /etc/kaifa2mqtt/kaifa2mqtt.yaml ;
.B kaifa2mqtt check
says what is wrong with it, and
.B kaifa2mqtt doctor
what the meter sends.
.SH OPTIONS
${optionLines(globalOptions())}
.SH COMMANDS
${commands.join("\n")}
.SH EXIT STATUS
${troff(EXIT_CODES)}
.SH FILES
.TP
.I /etc/kaifa2mqtt/kaifa2mqtt.yaml
The configuration.
.TP
.I /etc/kaifareader/meter.json
The predecessor's configuration, used if there is no other.
.TP
.I /var/lib/kaifa2mqtt
Persistent state.
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)
`;
}

/** The bash completion: commands and their options. */
export function bashCompletion() {
  const longs = (options) => options.map(({ long }) => long).join(" ");
  const cases = COMMANDS.map(({ name, options = [] }) => `    ${name}) words="${longs(options)}" ;;`).join("\n");
  return `# bash completion for kaifa2mqtt; made from its table of commands
_kaifa2mqtt() {
  local current=\${COMP_WORDS[COMP_CWORD]} command='' word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${COMMANDS.map(({ name }) => name).join(" | ")})
        command=$word
        break
        ;;
    esac
  done
  case $command in
${cases}
    *) words="${COMMANDS.map(({ name }) => name).join(" ")}" ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words ${longs(globalOptions())} --help --version" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _kaifa2mqtt kaifa2mqtt
`;
}
