/**
 * A cluster of three NATS servers on loopback with MQTT (3.1.1) that keep sessions and retained messages in JetStream,
 * three replicas of each. Uses Debian's package `nats-server`; `NATS_SERVER` names another program.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

const NODES = 3;

interface Node {
  readonly name: string;
  readonly port: number;
  readonly mqttPort: number;
  readonly clusterPort: number;
  readonly monitorPort: number;
  child: ChildProcess | null;
}

/** The part of `/jsz` (JetStream) used here. */
interface JetStream {
  readonly meta_cluster?: { readonly leader?: string; readonly cluster_size?: number };
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string; readonly replicas?: readonly { readonly current: boolean }[] };
    }[];
  }[];
}

export class NatsCluster {
  readonly #folder = mkdtempSync(join(tmpdir(), "kaifa-nats-"));
  readonly #nodes: Node[] = [];

  /** Starts all nodes. @throws Error if they do not find each other within 30 s */
  static async start(): Promise<NatsCluster> {
    const cluster = new NatsCluster();
    for (let n = 0; n < NODES; n++) {
      const [port, mqttPort, clusterPort, monitorPort] = [
        await freePort(),
        await freePort(),
        await freePort(),
        await freePort(),
      ];
      cluster.#nodes.push({ name: `n${n}`, port, mqttPort, clusterPort, monitorPort, child: null });
    }
    for (const n of cluster.#nodes.keys()) cluster.startNode(n);
    await cluster.whole();
    return cluster;
  }

  /** MQTT addresses of the nodes, in order. */
  get ports(): number[] {
    return this.#nodes.map(({ mqttPort }) => mqttPort);
  }

  get urls(): string[] {
    return this.ports.map((port) => `mqtt://127.0.0.1:${port}`);
  }

  startNode(n: number): void {
    const { name, port, mqttPort, clusterPort, monitorPort } = this.#node(n);
    const routes = this.#nodes.map((node) => `nats-route://127.0.0.1:${node.clusterPort}`).join(", ");
    const file = join(this.#folder, `${name}.conf`);
    writeFileSync(
      file,
      [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${port}"`,
        `http: "127.0.0.1:${monitorPort}"`,
        `jetstream { store_dir: "${join(this.#folder, name)}", max_mem: 64MB, max_file: 256MB }`,
        `cluster { name: kaifa, listen: "127.0.0.1:${clusterPort}", routes: [${routes}] }`,
        `mqtt { listen: "127.0.0.1:${mqttPort}" }`,
      ].join("\n"),
    );
    this.#node(n).child = spawn(
      process.env.NATS_SERVER ?? "nats-server",
      ["-c", file, "-l", join(this.#folder, `${name}.log`)],
      {
        stdio: "ignore",
        env: { PATH: `${process.env.PATH}:/usr/sbin` },
      },
    );
  }

  /** Simulates a power failure of the machine. */
  async kill(n: number): Promise<void> {
    const { child } = this.#node(n);
    this.#node(n).child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Resolves when all nodes are up and every replica of every stream is current. @throws Error after `limitMs` */
  async whole(limitMs = 30_000): Promise<void> {
    const until = Date.now() + limitMs;
    for (;;) {
      const states = await Promise.all(this.#nodes.map((_, n) => this.#jetStream(n)));
      // Only the leader of a stream knows the state of its replicas.
      const led = states.flatMap((state, n) =>
        streamsOf(state).filter(({ cluster }) => cluster?.leader === this.#node(n).name),
      );
      const copies = led.flatMap(({ cluster }) => cluster?.replicas ?? []);
      const met = states.every((state) => state?.meta_cluster?.leader !== undefined);
      if (met && states[0]?.meta_cluster?.cluster_size === NODES && copies.every(({ current }) => current)) return;
      if (Date.now() > until) throw new Error(`the cluster is not whole after ${limitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Moves all leaderships away from a node, so that its failure needs no election. */
  async stepDown(n: number): Promise<void> {
    const { name } = this.#node(n);
    for (let attempt = 0; attempt < 100; attempt++) {
      const state = await this.#jetStream(n);
      const led = streamsOf(state).filter(({ cluster }) => cluster?.leader === name);
      const subjects = led.map((stream) => `$JS.API.STREAM.LEADER.STEPDOWN.${stream.name}`);
      if (state?.meta_cluster?.leader === name) subjects.push("$JS.API.META.LEADER.STEPDOWN");
      if (subjects.length === 0) return;
      await this.#request(subjects);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`${name} keeps the lead`);
  }

  /** Makes a node the leader of the cluster and of every stream. */
  async takeLead(n: number): Promise<void> {
    const { name } = this.#node(n);
    for (let attempt = 0; attempt < 300; attempt++) {
      const states = await Promise.all(this.#nodes.map((_, node) => this.#jetStream(node)));
      const subjects: string[] = [];
      for (const [node, state] of states.entries()) {
        if (node === n) continue;
        const leader = this.#node(node).name;
        for (const stream of streamsOf(state).filter(({ cluster }) => cluster?.leader === leader))
          subjects.push(`$JS.API.STREAM.LEADER.STEPDOWN.${stream.name}`);
        if (state?.meta_cluster?.leader === leader) subjects.push("$JS.API.META.LEADER.STEPDOWN");
      }
      if (subjects.length === 0 && states.some((state) => state?.meta_cluster?.leader === name)) return;
      await this.#request(subjects);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    throw new Error(`${name} does not get the lead`);
  }

  /** Resolves when the cluster and every stream have a leader among the running nodes. @throws Error after `limitMs` */
  async led(limitMs = 60_000): Promise<void> {
    const until = Date.now() + limitMs;
    for (;;) {
      const living = this.#nodes.filter(({ child }) => child !== null).map(({ name }) => name);
      const states = await Promise.all(this.#nodes.map((_, n) => this.#jetStream(n)));
      const names = new Set(states.flatMap((state) => streamsOf(state).map(({ name }) => name)));
      const led = new Set<string>();
      for (const stream of states.flatMap(streamsOf)) {
        if (living.includes(stream.cluster?.leader ?? "")) led.add(stream.name);
      }
      const leaders = states.map((state) => state?.meta_cluster?.leader ?? "");
      if (names.size > 0 && led.size === names.size && leaders.some((leader) => living.includes(leader))) return;
      if (Date.now() > until) throw new Error(`no leaders after ${limitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async close(): Promise<void> {
    for (const n of this.#nodes.keys()) await this.kill(n);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Sends empty requests in NATS's own protocol to the second node. */
  #request(subjects: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#node(1).port, "127.0.0.1");
      socket.once("error", reject);
      const lines = subjects.map((subject) => `PUB ${subject} _INBOX.test 0\r\n\r\n`).join("");
      socket.write(`CONNECT {"verbose":false}\r\n${lines}PING\r\n`);
      socket.on("data", (data) => {
        if (!data.toString().includes("PONG")) return;
        socket.destroy();
        resolve();
      });
    });
  }

  async #jetStream(n: number): Promise<JetStream | null> {
    const { monitorPort } = this.#node(n);
    try {
      const answer = await fetch(`http://127.0.0.1:${monitorPort}/jsz?accounts=1&streams=1`);
      return (await answer.json()) as JetStream;
    } catch {
      return null;
    }
  }

  #node(n: number): Node {
    const node = this.#nodes[n];
    if (node === undefined) throw new Error(`there is no node ${n}`);
    return node;
  }
}

const streamsOf = (state: JetStream | null) =>
  state?.account_details?.flatMap(({ stream_detail = [] }) => stream_detail) ?? [];
