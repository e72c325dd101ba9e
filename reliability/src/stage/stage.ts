import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createQueue, type Queue, type SendData, type SendOptions } from "@org/queue";
import type { CompleteEngine } from "@org/queue/engine";
import { redisEngine } from "@org/queue/redis";
import { startProxy, type TcpProxy } from "@org/test-servers";
import type { DataLoss } from "../audit/data-loss.ts";
import { HistoryFile } from "../history/history-file.ts";
import { historyObserver } from "../history/history-observer.ts";
import { observeEngine } from "../history/observe-engine.ts";
import { registry, step } from "../messages.ts";
import type {
  ProducerCommand,
  ProducerConfig,
  ProducerReport,
  WorkerCommand,
  WorkerConfig,
  WorkerReport,
} from "../processes/protocol.ts";
import { Random } from "../random.ts";
import type { Scenario } from "../scenario.ts";
import { ChildProgram, type ProgramOptions } from "./child-program.ts";
import { RedisServer } from "./redis-server.ts";

export type WorkerProgram = ChildProgram<WorkerReport, WorkerCommand>;
export type ProducerProgram = ChildProgram<ProducerReport, ProducerCommand>;

/** The shortest allowed lease, in milliseconds, so that faults needn't last long to outlast it. */
export const LEASE = 1_000;

type Overrides<Config> = Partial<Omit<Config, "name" | "namespace" | "history">> & ProgramOptions;

/** The environment of one scenario: its Redis, processes, proxies and history files. */
export class Stage {
  readonly random: Random;
  readonly redis: RedisServer;
  readonly namespace = "faults";
  readonly engine: CompleteEngine;
  /** The suite's own queue, with a direct connection. */
  readonly queue: Queue<typeof step>;
  /** Measurements to report. */
  readonly measured: Record<string, number> = {};
  readonly histories: string[] = [];
  /** Set by a scenario whose server lost acknowledged data. */
  loss: DataLoss | undefined;
  readonly #directory: string;
  readonly #programs: (WorkerProgram | ProducerProgram)[] = [];
  readonly #proxies: TcpProxy[] = [];
  #names = 0;

  private constructor(seed: number, redis: RedisServer, directory: string) {
    this.random = new Random(seed);
    this.redis = redis;
    this.#directory = directory;
    const observer = historyObserver("suite", new HistoryFile(this.newHistory("suite")));
    this.engine = observeEngine(redisEngine({ url: redis.url, namespace: this.namespace }), observer);
    this.queue = createQueue({ registry, engine: this.engine });
  }

  static async open(seed: number, { appendFsync = "no", losesEvents }: Scenario): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), "queue-reliability-"));
    const stage = new Stage(seed, await RedisServer.start(appendFsync), directory);
    if (!losesEvents) await stage.#recordEvents();
    return stage;
  }

  /** A worker process that is ready and waits for the command to start. */
  async standbyWorker(name: string, overrides: Overrides<WorkerConfig> = {}): Promise<WorkerProgram> {
    const { preload, ...own } = overrides;
    const config: WorkerConfig = {
      name,
      url: this.redis.url,
      namespace: this.namespace,
      history: this.newHistory(name),
      concurrency: 10,
      lease: LEASE,
      pollInterval: 250,
      maintenanceInterval: 250,
      ...own,
    };
    const program: WorkerProgram = new ChildProgram("worker.ts", config, preload ? { preload } : {});
    this.#programs.push(program);
    await program.until("ready");
    return program;
  }

  async startWorker(name: string, overrides?: Overrides<WorkerConfig>): Promise<WorkerProgram> {
    const worker = await this.standbyWorker(name, overrides);
    worker.send({ command: "start" });
    return worker;
  }

  /** A producer process that is ready and waits for the command to start. */
  async standbyProducer(name: string, overrides: Overrides<ProducerConfig>): Promise<ProducerProgram> {
    const { preload, ...own } = overrides;
    const config: ProducerConfig = {
      name,
      url: this.redis.url,
      namespace: this.namespace,
      history: this.newHistory(name),
      seed: this.random.fork(name).seed,
      jobs: 50,
      lanes: 4,
      mix: "mixed",
      pace: 0,
      ...own,
    };
    const program: ProducerProgram = new ChildProgram("producer.ts", config, preload ? { preload } : {});
    this.#programs.push(program);
    await program.until("ready");
    return program;
  }

  async startProducer(name: string, overrides: Overrides<ProducerConfig>): Promise<ProducerProgram> {
    const producer = await this.standbyProducer(name, overrides);
    producer.send({ command: "start" });
    return producer;
  }

  async startProxy(): Promise<TcpProxy> {
    const proxy = await startProxy({ target: this.redis.url });
    this.#proxies.push(proxy);
    return proxy;
  }

  async send(id: string, data: SendData<typeof step>, options: SendOptions = {}): Promise<void> {
    await this.queue.send(step, data, { ...options, id });
  }

  /** Runs each script once, so that later requests succeed at the first try. */
  async loadScripts(): Promise<void> {
    await this.send("warm-up", { work: "return" });
    const { jobs: claimed } = await this.engine.core.claim({ queues: [step.queue], limit: 1, lease: LEASE });
    const result = JSON.stringify({ by: "suite", fence: 1 });
    const outcomes = claimed.map(({ id, epoch, token }) => ({
      id,
      epoch,
      token,
      type: "complete" as const,
      result,
    }));
    await this.engine.core.settle({ outcomes });
  }

  /** A new history file. */
  newHistory(name: string): string {
    const path = join(this.#directory, `${name}-${this.#names++}.jsonl`);
    this.histories.push(path);
    return path;
  }

  /** Records a duration in milliseconds. The longest one counts. */
  measure(what: string, milliseconds: number): void {
    this.measured[what] = Math.max(this.measured[what] ?? 0, Math.round(milliseconds));
  }

  /** Kills all remaining processes, like a crash. */
  async killPrograms(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
  }

  async close(): Promise<void> {
    await this.killPrograms();
    await this.queue.close();
    await this.engine.core.close();
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await this.redis.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #recordEvents(): Promise<void> {
    const file = new HistoryFile(this.newHistory("events"));
    await this.engine.events.subscribe({ onEvent: (event) => file.write({ type: "event", event }) });
  }
}
