import { setTimeout as sleep } from "node:timers/promises";
import type { AttemptInfo, Worker } from "@org/queue";
import { type ConfigSource, openQueue } from "../config/open-config.ts";
import type { WorkerSettings } from "../config/settings.ts";
import { startEndpoints } from "../endpoints/start-endpoints.ts";
import { WorkerMetrics } from "../endpoints/worker-metrics.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { WorkerLogs } from "../logs/logs.ts";
import { openLogs } from "../logs/open-logs.ts";
import { listenForParent, ParentLink } from "../supervisor/parent-link.ts";
import { Closers } from "./closers.ts";
import { EngineProbe } from "./engine-probe.ts";
import { HostProbes } from "./host-probes.ts";
import { HostReport } from "./host-report.ts";
import { openWorkers } from "./open-workers.ts";
import { type FinalOrder, Orders } from "./orders.ts";
import { listenForCrashes, listenForOutput, listenForSignals } from "./process-signals.ts";
import { RunningAttempts } from "./running-attempts.ts";
import { Watchdogs } from "./watchdogs.ts";

/** How often it looks whether the engine has answered, in milliseconds. */
const READY_INTERVAL = 50;
/** How often it says that it is still starting, in milliseconds. */
const STARTING_INTERVAL = 30_000;

/** Runs the workers of a config in this process: opens and starts them, obeys orders, stops and closes. */
export class WorkerHost {
  readonly orders = new Orders();
  readonly #source: ConfigSource;
  readonly #settings: WorkerSettings;
  readonly #logs: WorkerLogs;
  readonly #attempts = new RunningAttempts();
  readonly #report: HostReport;
  readonly #closers = new Closers();
  #workers: readonly Worker[] = [];
  #probes: HostProbes | undefined;
  #isQuiet = false;
  #isEnding = false;
  #crashes = 0;

  constructor(source: ConfigSource, settings: WorkerSettings) {
    this.#source = source;
    this.#settings = settings;
    this.#logs = openLogs(settings.logs);
    this.#report = new HostReport(this.#logs.logger, this.#attempts);
  }

  /** Resolves with the exit code when everything is closed. */
  async run(): Promise<ExitCode> {
    const { orders } = this;
    const removers = [
      listenForSignals(orders, "stop"),
      listenForParent(orders),
      listenForOutput(orders),
      listenForCrashes((error, job) => this.#onCrash(error, job)),
    ];
    // It also keeps a process alive whose config opens nothing that does.
    const waiting = setInterval(() => this.#report.starting(), STARTING_INTERVAL);
    this.#closers.add("Writing the log", () => this.#logs.flush());
    const { close } = this.#source.config;
    if (close) this.#closers.add("`close` of the config", close);
    const ended = this.#obeyUntilEnd();
    const starting = this.#start().finally(() => clearInterval(waiting));
    try {
      await Promise.race([starting, ended]);
      return await this.#end(await ended, starting);
    } finally {
      clearInterval(waiting);
      await this.#closers.close(this.#logs.logger);
      for (const remove of removers) remove();
    }
  }

  async #start(): Promise<void> {
    const { orders } = this;
    const attempts = this.#attempts;
    const { logger, middleware } = this.#logs;
    const { concurrency, endpoints: address, watchdogs: watched } = this.#settings;
    const queue = await openQueue(this.#source);
    this.#closers.add("Closing the queue", () => queue.close());
    const metrics = new WorkerMetrics(queue);
    queue.use(middleware).use(metrics.middleware).use(attempts);
    const opened = await openWorkers(this.#source, queue, this.#logs, concurrency);
    this.#workers = opened.workers;
    const engine = new EngineProbe(queue);
    const probes = new HostProbes(this.#workers, metrics, engine);
    this.#probes = probes;
    this.#closers.add("Stopping the workers", () => stopAll(this.#workers, 0));
    const link = ParentLink.open({ attempts, metrics, probes });
    if (link) this.#closers.add("Leaving the supervisor", () => link.close());
    // A supervisor answers for its processes.
    const endpoints = address && !link?.isSupervised ? await startEndpoints(address, probes) : undefined;
    if (endpoints) this.#closers.add("Closing the endpoints", () => endpoints.close());
    if (this.#isIdle) return;
    await Promise.all(this.#workers.map((worker) => worker.start()));
    // A start also succeeds while the engine is away.
    while (!this.#isIdle && !probes.ready().ok) await sleep(READY_INTERVAL);
    if (this.#isIdle) return;
    const watchdogs = new Watchdogs({ settings: watched, attempts, logger, orders });
    watchdogs.start();
    this.#closers.add("Stopping the watchdogs", () => watchdogs.stop());
    engine.start();
    this.#closers.add("Stopping the probe of the engine", () => engine.stop());
    this.#report.ready(opened, endpoints?.url);
    link?.ready();
  }

  /** Whether nothing is begun any more. */
  get #isIdle(): boolean {
    return this.#isEnding || this.#isQuiet;
  }

  /** Resolves with the order that ends the process. */
  async #obeyUntilEnd(): Promise<FinalOrder> {
    for (;;) {
      const order = await this.orders.next();
      if (order.type === "report") this.#report.running();
      else if (order.type === "quiet") {
        this.#isQuiet = true;
        this.#unready("it claims nothing more");
        for (const worker of this.#workers) worker.quiet();
        this.#report.quiet(order.reason);
      } else if (order.type !== "reload") return order;
    }
  }

  /** The first ends the process. Those that follow are only told. */
  #onCrash(error: unknown, job: AttemptInfo | undefined): void {
    this.#crashes++;
    if (this.#crashes === 1 && !this.#isEnding) this.orders.give({ type: "crash", error, job });
    else this.#fail(error, job, this.#crashes);
  }

  /** The attempt counts, so that a job that always crashes its process ends as failed. */
  #fail(error: unknown, job: AttemptInfo | undefined, count: number): void {
    this.#report.crash(error, job, count);
    if (job) this.#attempts.fail(job, error);
  }

  async #end(order: FinalOrder, starting: Promise<void>): Promise<ExitCode> {
    this.#isEnding = true;
    this.#unready("it is stopping");
    const { stopTimeout } = this.#settings;
    let unsettled: readonly string[];
    if (order.type === "crash") {
      this.#fail(order.error, order.job, 1);
      unsettled = await stopAll(this.#workers, 0);
    } else {
      this.#report.stopping(order.reason, stopTimeout);
      // What is being opened can't be closed before. Workers whose start waits for the engine end by their stop.
      const opened = Promise.race([starting.catch(() => {}), sleep(stopTimeout, undefined, { ref: false })]);
      [unsettled] = await Promise.all([stopAll(this.#workers, stopTimeout), opened]);
    }
    this.#report.stopped(this.#workers, unsettled);
    if (this.#crashes > 0) return EXIT_CODES.FAILED;
    return order.type === "restart" ? EXIT_CODES.RESTART : EXIT_CODES.OK;
  }

  #unready(reason: string): void {
    if (this.#probes) this.#probes.stopping = reason;
  }
}

/** Resolves with the jobs whose ends the engine hasn't confirmed. */
async function stopAll(workers: readonly Worker[], timeout: number): Promise<readonly string[]> {
  const reports = await Promise.all(workers.map((worker) => worker.stop({ timeout })));
  return reports.flatMap(({ unsettled }) => unsettled);
}
