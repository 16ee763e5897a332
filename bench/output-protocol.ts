/** The measured outputs and their clients' requests: for the benchmark, its clients and the bare program. */

/** `push`: the server sends each reading by itself. */
export type ClientKind = "tcp-push" | "websocket-push" | "http" | "modbus" | "udp";

export interface MeasuredOutput {
  /** Argument of `npm run bench -- outputs:NAME`. */
  readonly name: string;
  readonly label: string;
  readonly kind: ClientKind;
  /** Index of the bridge's port. */
  readonly port: "p1" | "homewizard" | "sunspec" | "shelly" | "udp";
  readonly path: string;
}

export const OUTPUTS: readonly MeasuredOutput[] = [
  { name: "p1", label: "P1", kind: "tcp-push", port: "p1", path: "" },
  { name: "websocket", label: "Shelly (WebSocket)", kind: "websocket-push", port: "shelly", path: "/rpc" },
  { name: "homewizard", label: "HomeWizard", kind: "http", port: "homewizard", path: "/api/v1/data" },
  { name: "sunspec", label: "SunSpec", kind: "modbus", port: "sunspec", path: "" },
  { name: "http", label: "Shelly (HTTP)", kind: "http", port: "shelly", path: "/rpc/EM.GetStatus?id=0" },
  { name: "udp", label: "Shelly (UDP)", kind: "udp", port: "udp", path: "" },
];

export const HOST = "127.0.0.1";
/** 40070 to 40177: the whole meter model. */
export const READ_METER = Buffer.from("00010000000601039c86006b", "hex");
export const RPC = '{"id":1,"src":"bench","method":"EM.GetStatus","params":{"id":0}}';
