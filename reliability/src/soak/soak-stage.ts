import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProxy, type TcpProxy } from "@org/test-servers";
import type { ProgramConfig, SoakCommand, SoakReport } from "../processes/protocol.ts";
import type { Random } from "../random.ts";
import { ChildProgram } from "../stage/child-program.ts";
import { RedisServer } from "../stage/redis-server.ts";

type SoakProgram = ChildProgram<SoakReport, SoakCommand>;

/** A slot for a process with its own proxy. A killed process is replaced. */
export interface ProcessSlot {
  readonly name: string;
  readonly proxy: TcpProxy;
  program: SoakProgram;
}

export interface SoakSettings {
  readonly workers: number;
  readonly producers: number;
  /** Jobs per second of all producers together. */
  readonly rate: number;
  readonly random: Random;
}

export const SOAK_NAMESPACE = "soak";
/** The shortest lease, so that faults often outlast it. */
const LEASE = 1_000;
const CONCURRENCY = 50;

/** The processes, servers and files of a soak. */
export class SoakStage {
  readonly redis: RedisServer;
  readonly random: Random;
  readonly workers: ProcessSlot[] = [];
  readonly producers: ProcessSlot[] = [];
  readonly ledgers: string[] = [];
  readonly #directory: string;

  private constructor(redis: RedisServer, random: Random, directory: string) {
    this.redis = redis;
    this.random = random;
    this.#directory = directory;
  }

  static async open(settings: SoakSettings): Promise<SoakStage> {
    const directory = await mkdtemp(join(tmpdir(), "queue-soak-"));
    const stage = new SoakStage(await RedisServer.start("always"), settings.random, directory);
    for (let index = 0; index < settings.producers; index++) {
      stage.producers.push(await stage.#startProducer(index, settings.rate / settings.producers));
    }
    for (let index = 0; index < settings.workers; index++) {
      const name = `worker-${index}`;
      const proxy = await startProxy({ target: stage.redis.url });
      stage.workers.push({ name, proxy, program: await stage.#startWorker(name, proxy) });
    }
    return stage;
  }

  /** Kills a worker with `kill -9` and starts another one. */
  async replaceWorker(place: ProcessSlot): Promise<void> {
    await place.program.kill();
    place.program = await this.#startWorker(place.name, place.proxy);
  }

  async close(): Promise<void> {
    const places = [...this.workers, ...this.producers];
    await Promise.all(places.map(({ program }) => program.kill()));
    await Promise.all(places.map(({ proxy }) => proxy.stop()));
    await this.redis.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #startProducer(index: number, rate: number): Promise<ProcessSlot> {
    const name = `producer-${index}`;
    const proxy = await startProxy({ target: this.redis.url });
    const seed = this.random.fork(name).seed;
    const own = { index, rate, seed };
    return { name, proxy, program: await this.#start("soak-producer.ts", name, proxy, own) };
  }

  #startWorker(name: string, proxy: TcpProxy): Promise<SoakProgram> {
    return this.#start("soak-worker.ts", name, proxy, { concurrency: CONCURRENCY, lease: LEASE });
  }

  async #start(file: string, name: string, proxy: TcpProxy, own: object): Promise<SoakProgram> {
    const history = join(this.#directory, `${name}-${this.ledgers.length}.ledger`);
    const config: ProgramConfig = { name, url: proxy.url, namespace: SOAK_NAMESPACE, history, ...own };
    const program: SoakProgram = new ChildProgram(file, config);
    await program.until("ready");
    // The program has created the file by now.
    this.ledgers.push(history);
    program.send({ command: "start" });
    return program;
  }
}
