/** Recognizes mistyped ports: a host without `tcp://`, a device without `/dev/`. */
import { echo } from "../log/redact.ts";

/** The port that was probably meant; `null` if the text may be a port as it is. */
export function meantPort(text: string): string | null {
  const network =
    /^(?:(?:socket|telnet|rfc2217|serial|ser2net):\/\/|tcp:\/?(?!\/))?((?:[\w-]+(?:\.[\w-]+)*|\[[0-9a-f:.]+\]):\d{1,5})\/?$/i.exec(
      text,
    );
  if (network?.[1] !== undefined && !/^(?:file|simulator|com\d*|tcp):\d/i.test(text)) return `tcp://${network[1]}`;
  if (/^(?:tty(?:USB|ACM|AMA|S|O|mxc|XRUSB)\d+|cu\.[\w-]+)$/.test(text)) return `/dev/${text}`;
  const link = /^\/?(?:dev\/)?(?:serial\/)?(by-(?:id|path)\/[\w.:+-]+)$/.exec(text);
  if (link?.[1] !== undefined && !text.startsWith("/dev/serial/")) return `/dev/serial/${link[1]}`;
  return /^dev\/[\w./-]+$/.test(text) ? `/${text}` : null;
}

/** `` `ttyUSB0` (did you mean `/dev/ttyUSB0`?) ``; `null` if the text may be a port. */
export function wrongPort(text: string): string | null {
  const meant = meantPort(text);
  return meant === null ? null : `${echo(text)} (did you mean ${echo(meant)}?)`;
}
