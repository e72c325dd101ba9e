import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "@org/queue";
import { type ConfigSource, openQueue } from "../config/open-config.ts";
import type { WorkerSettings } from "../config/settings.ts";
import { startEndpoints } from "../endpoints/start-endpoints.ts";
import { WorkerMetrics } from "../endpoints/worker-metrics.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { WorkerLogs } from "../logs/logs.ts";
import { openLogs } from "../logs/open-logs.ts";
import { ParentLink } from "../supervisor/parent-link.ts";
import { HostProbes } from "./host-probes.ts";
import { HostReport } from "./host-report.ts";
import { openWorkers } from "./open-workers.ts";
import { type FinalOrder, Orders } from "./orders.ts";
import { listenForCrashes, listenForSignals } from "./process-signals.ts";
import { RunningAttempts } from "./running-attempts.ts";
import { Watchdogs } from "./watchdogs.ts";

const CODES = {
  stop: EXIT_CODES.OK,
  restart: EXIT_CODES.RESTART,
  crash: EXIT_CODES.FAILED,
} as const;

/** Runs the workers of a config in this process: opens and starts them, obeys orders, stops and closes. */
export class WorkerHost {
  readonly orders = new Orders();
  readonly #source: ConfigSource;
  readonly #settings: WorkerSettings;
  readonly #logs: WorkerLogs;
  readonly #attempts = new RunningAttempts();
  readonly #report: HostReport;
  /** Undoes what has been opened, latest first. */
  readonly #closers: (() => unknown)[] = [];
  #workers: readonly Worker[] = [];
  #probes: HostProbes | undefined;
  #isEnding = false;

  constructor(source: ConfigSource, settings: WorkerSettings) {
    this.#source = source;
    this.#settings = settings;
    this.#logs = openLogs(settings.logs);
    this.#report = new HostReport(this.#logs.logger, this.#attempts);
  }

  /** Resolves with the exit code when everything is closed. */
  async run(): Promise<ExitCode> {
    this.#closers.push(listenForSignals(this.orders, "stop"), listenForCrashes(this.orders));
    this.#closers.push(() => this.#logs.flush());
    const { close } = this.#source.config;
    if (close) this.#closers.push(close);
    const ended = this.#obeyUntilEnd();
    const starting = this.#start();
    try {
      await Promise.race([starting, ended]);
      return await this.#end(await ended, starting);
    } finally {
      for (const close of this.#closers.splice(0).reverse()) await close();
    }
  }

  async #start(): Promise<void> {
    const { orders } = this;
    const attempts = this.#attempts;
    const { logger, middleware } = this.#logs;
    const { concurrency, endpoints: address, watchdogs: watched } = this.#settings;
    const queue = await openQueue(this.#source);
    this.#closers.push(() => queue.close());
    const metrics = new WorkerMetrics(queue);
    queue.use(middleware).use(metrics.middleware).use(attempts);
    const opened = await openWorkers(this.#source, queue, this.#logs, concurrency);
    this.#workers = opened.workers;
    const probes = new HostProbes(this.#workers, metrics);
    this.#probes = probes;
    this.#closers.push(() => stopAll(this.#workers, 0));
    const link = ParentLink.open({ orders, attempts, metrics, probes });
    if (link) this.#closers.push(() => link.close());
    // A supervisor answers for its processes.
    const endpoints = address && !link?.isSupervised ? await startEndpoints(address, probes) : undefined;
    if (endpoints) this.#closers.push(() => endpoints.close());
    const watchdogs = new Watchdogs({ settings: watched, attempts, logger, orders });
    watchdogs.start();
    this.#closers.push(() => watchdogs.stop());
    if (this.#isEnding) return;
    await Promise.all(this.#workers.map((worker) => worker.start()));
    if (this.#isEnding) return;
    this.#report.ready(opened, endpoints?.url);
    link?.ready();
  }

  /** Resolves with the order that ends the process. */
  async #obeyUntilEnd(): Promise<FinalOrder> {
    for (;;) {
      const order = await this.orders.next();
      if (order.type === "report") this.#report.running();
      else if (order.type === "quiet") {
        this.#unready("it claims nothing more");
        for (const worker of this.#workers) worker.quiet();
        this.#report.quiet(order.reason);
      } else if (order.type !== "reload") return order;
    }
  }

  async #end(order: FinalOrder, starting: Promise<void>): Promise<ExitCode> {
    this.#isEnding = true;
    this.#unready("it is stopping");
    const { stopTimeout } = this.#settings;
    if (order.type === "crash") {
      this.#report.crash(order.error, order.job);
      // So that the attempt counts, and a job that always crashes its process ends as failed.
      if (order.job) this.#attempts.fail(order.job, order.error);
      await stopAll(this.#workers, 0);
    } else {
      this.#report.stopping(order.reason, stopTimeout);
      // What is being opened can't be closed before.
      await Promise.race([starting.catch(() => {}), sleep(stopTimeout, undefined, { ref: false })]);
      await stopAll(this.#workers, stopTimeout);
    }
    this.#report.stopped(this.#workers);
    return CODES[order.type];
  }

  #unready(reason: string): void {
    if (this.#probes) this.#probes.stopping = reason;
  }
}

async function stopAll(workers: readonly Worker[], timeout: number): Promise<void> {
  await Promise.all(workers.map((worker) => worker.stop({ timeout })));
}
