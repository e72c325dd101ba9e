import type { ProducerConfig, WorkerConfig } from "../processes/protocol.ts";
import type { ProducerProgram, Stage, WorkerProgram } from "../stage/stage.ts";

interface LoadOptions {
  readonly workers?: number;
  readonly worker?: Partial<Pick<WorkerConfig, "url" | "concurrency" | "lease" | "pollInterval">>;
  readonly producer?: Partial<Pick<ProducerConfig, "url" | "jobs" | "lanes" | "mix" | "pace" | "padding">>;
}

/** A mixed load for a fault to hit: two producers with 150 jobs each and a few workers. */
export class Load {
  readonly producers: readonly ProducerProgram[];
  readonly workers: WorkerProgram[];

  private constructor(producers: readonly ProducerProgram[], workers: WorkerProgram[]) {
    this.producers = producers;
    this.workers = workers;
  }

  static async start(stage: Stage, { workers = 2, worker, producer }: LoadOptions = {}): Promise<Load> {
    const names = Array.from({ length: workers }, (_, index) => `worker-${index}`);
    const load = new Load(
      await Promise.all(
        ["producer-a", "producer-b"].map((name) =>
          stage.standbyProducer(name, { jobs: 30, lanes: 5, pace: 5, ...producer }),
        ),
      ),
      await Promise.all(names.map((name) => stage.startWorker(name, worker))),
    );
    for (const program of load.producers) program.send({ command: "start" });
    return load;
  }

  /** Resolves once this many sends have been acknowledged in total. */
  async sent(count: number): Promise<void> {
    const each = Math.ceil(count / this.producers.length);
    await Promise.all(
      this.producers.map((producer) =>
        producer.until("sent", () => producer.count(({ type }) => type === "sent") >= each),
      ),
    );
  }

  /** Resolves once every send has been acknowledged, after any number of tries. */
  async allSent(): Promise<void> {
    await Promise.all(this.producers.map((producer) => producer.until("done")));
  }

  /** Resolves once each worker has had an outcome accepted from now on, so that it works after the fault. */
  async allWork(): Promise<void> {
    await Promise.all(
      this.workers.map((worker) => {
        const before = worker.reports.length;
        return worker.until("settled", (report) => {
          return report.verdict === "accepted" && worker.reports.indexOf(report) >= before;
        });
      }),
    );
  }
}
