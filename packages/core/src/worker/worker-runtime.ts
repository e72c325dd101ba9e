import { QueueError } from "../errors/queue-error.ts";
import type { ServiceHost } from "../middleware/middleware.ts";
import { onCancelNotice } from "../queue/operate/cancel-notices.ts";
import type { QueueRuntime } from "../queue/queue.ts";
import type { Clock } from "../timing/clock.ts";
import { Deadline } from "../timing/deadline.ts";
import { Hooks } from "./attempt/hooks.ts";
import { ClaimSettleLoop } from "./claim/claim-settle-loop.ts";
import { QueueRotation } from "./claim/queue-rotation.ts";
import { WorkWaiter } from "./claim/work-waiter.ts";
import { Executor, type HandlerEntry } from "./execute/executor.ts";
import { FailureLog } from "./failure-log.ts";
import { CancelRequests } from "./lease/cancel-requests.ts";
import { Heartbeats } from "./lease/heartbeats.ts";
import { Maintenance } from "./maintenance.ts";
import { AttemptPool } from "./pool/attempt-pool.ts";
import { Prefetch } from "./pool/prefetch.ts";
import { type ServiceStart, Services } from "./services.ts";
import { WorkerCounters } from "./worker-counters.ts";
import type { ResolvedWorkerOptions } from "./worker-options.ts";

export interface RuntimeParts {
  readonly queue: QueueRuntime;
  /** What the services beside the worker are given. */
  readonly host: ServiceHost;
  readonly options: ResolvedWorkerOptions;
  readonly queues: readonly string[];
  readonly handlers: ReadonlyMap<string, HandlerEntry>;
  /** The engine was closed: nothing is left to do but to stop. */
  readonly onClosed: () => void;
}

/** Time that handlers get to stop once their signals told them of the shutdown. */
const SHUTDOWN_GRACE = 1_000;

/** The moving parts of a started worker, put together. Each minds its own business; here they meet. */
export class WorkerRuntime {
  readonly counters = new WorkerCounters();
  readonly pool: AttemptPool;
  readonly loop: ClaimSettleLoop;
  readonly #failureLog: FailureLog;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  readonly #heartbeats: Heartbeats;
  readonly #idle: WorkWaiter;
  readonly #maintenance: Maintenance;
  readonly #services: Services;
  readonly #endCancelNotices: () => void;
  readonly #cancelRequests: CancelRequests;
  #restListeners: (() => void)[] = [];
  #isStopping = false;
  #isStopped = false;

  constructor({ queue, host, options, queues, handlers, onClosed }: RuntimeParts) {
    const { engine, clock, registry, middleware } = queue;
    const { concurrency, lease } = options;
    const { counters } = this;
    const deadline = new Deadline(clock);
    const failureLog = new FailureLog(host.logger, () => {
      // What couldn't be told by now never can be.
      this.loop.stop();
      onClosed();
    });
    this.#failureLog = failureLog;
    this.#clock = clock;
    this.#deadline = deadline;
    this.#services = new Services(servicesOf(queue, options), host, clock);

    const hooks = new Hooks(middleware, handlers, host.logger);
    const executor = new Executor({
      engine,
      registry,
      clock,
      middleware,
      handlers,
      onReport: (attempt) => this.#heartbeats.report(attempt),
      onProgress: (context, value) => hooks.progress(context, value),
      onEnd: (attempt, end) => this.pool.ended(attempt, end),
    });
    this.pool = new AttemptPool({
      clock,
      concurrency,
      prefetch: new Prefetch(concurrency, options.prefetch),
      counters,
      start: (attempt) => executor.start(attempt),
      onEnd: (attempt, end) => this.loop.add(attempt, end),
    });
    const { pool } = this;
    this.#heartbeats = new Heartbeats({ engine, clock, pool, failureLog, deadline, lease });
    this.loop = new ClaimSettleLoop({
      engine,
      clock,
      pool,
      heartbeats: this.#heartbeats,
      failureLog,
      deadline,
      counters,
      hooks,
      queues: new QueueRotation(queues),
      lease,
      onTurn: ({ claimed, isHungry }) => this.#afterTurn(claimed, isHungry),
    });
    const onWake = () => this.loop.wake();
    this.#idle = new WorkWaiter({
      engine,
      clock,
      failureLog,
      queues,
      pollInterval: options.pollInterval,
      onWake,
    });
    this.#maintenance = new Maintenance({
      engine,
      clock,
      failureLog,
      deadline,
      interval: options.maintenanceInterval,
      onWork: onWake,
    });
    const onCancel = (ids: readonly string[], reason: string) => pool.cancel(ids, reason);
    this.#endCancelNotices = onCancelNotice(engine, onCancel);
    this.#cancelRequests = new CancelRequests(engine, clock, onCancel);
  }

  /**
   * Resolves once the engine has answered, or is merely away.
   *
   * @throws {QueueError} The engine's, when it will never do.
   */
  async start(): Promise<void> {
    this.#maintenance.start();
    this.loop.wake();
    await this.#failureLog.usable;
    if (this.#isStopping) return;
    this.#services.start();
    this.#cancelRequests.start();
  }

  /** Stops claiming, waits up to `timeout` for what runs, then tells it to stop and gives it back. */
  async stop(timeout: number): Promise<void> {
    this.#maintenance.stop();
    this.#idle.stop();
    this.#isStopping = true;
    this.#failureLog.stop();
    this.pool.stop();
    if (this.pool.isEmpty) {
      // Only a claim may be under way. One of an engine that has never answered isn't worth the wait.
      if (this.#failureLog.hasAnswered) await this.#restWithin(Math.min(timeout, SHUTDOWN_GRACE));
    } else if (!(await this.#restWithin(timeout))) {
      const reason = new QueueError("SHUTDOWN", "The worker is stopping; the job is given back.");
      this.pool.abortRunning(reason);
      if (!(await this.#restWithin(SHUTDOWN_GRACE))) {
        this.pool.abandonRunning();
        await this.#restWithin(SHUTDOWN_GRACE);
      }
    }
    this.loop.stop();
    this.#heartbeats.stop();
    this.#deadline.expire();
    this.#endCancelNotices();
    this.#cancelRequests.stop();
    this.#isStopped = true;
    this.#tellRest();
    await this.#services.stop();
  }

  get isAtRest(): boolean {
    return this.loop.isAtRest && this.pool.running === 0 && this.pool.buffered === 0;
  }

  /** Resolves when nothing runs, waits to run, or waits to be told to the engine, and once stopped. */
  rest(): Promise<void> {
    if (this.isAtRest || this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => this.#restListeners.push(resolve));
  }

  #restWithin(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancelTimer = this.#clock.after(milliseconds, () => resolve(this.isAtRest));
      void this.rest().then(() => {
        cancelTimer();
        resolve(true);
      });
    });
  }

  #afterTurn(claimed: number, isHungry: boolean): void {
    if (claimed > 0) {
      this.#idle.found();
      this.#heartbeats.arm();
    }
    if (!isHungry && this.pool.room > 0) this.#idle.wait();
    if (this.isAtRest) this.#tellRest();
  }

  #tellRest(): void {
    const listeners = this.#restListeners;
    this.#restListeners = [];
    for (const tell of listeners) tell();
  }
}

function servicesOf({ middleware, outbox }: QueueRuntime, { relay }: ResolvedWorkerOptions): ServiceStart[] {
  const services = middleware.starts.map((start) => ({ name: "service of a middleware", start }));
  if (!outbox || !relay) return services;
  return [...services, { name: "relay of the outbox", start: (host) => outbox.start(host) }];
}
