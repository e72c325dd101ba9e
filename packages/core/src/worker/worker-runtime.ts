import { QueueError } from "../errors/queue-error.ts";
import type { ServiceHost } from "../middleware/middleware.ts";
import { onCancelNotice } from "../queue/operate/cancel-notices.ts";
import type { QueueRuntime } from "../queue/queue.ts";
import type { Clock } from "../timing/clock.ts";
import { Deadline } from "../timing/deadline.ts";
import { fulfillsWithin } from "../timing/with-timeout.ts";
import type { HandlerEntry } from "./attempt/handler-entry.ts";
import { Hooks } from "./attempt/hooks.ts";
import { ClaimSettleLoop } from "./claim/claim-settle-loop.ts";
import { EngineCalls } from "./claim/engine-calls.ts";
import { QueueRotation } from "./claim/queue-rotation.ts";
import { WorkWaiter } from "./claim/work-waiter.ts";
import { Executor } from "./execute/executor.ts";
import { FailureLog } from "./failure-log.ts";
import { CancelRequests } from "./lease/cancel-requests.ts";
import { Heartbeats } from "./lease/heartbeats.ts";
import { Maintenance } from "./maintenance.ts";
import { AttemptPool } from "./pool/attempt-pool.ts";
import { BufferWatch } from "./pool/buffer-watch.ts";
import { PendingEnds } from "./pool/pending-ends.ts";
import { Prefetch } from "./pool/prefetch.ts";
import { Registration } from "./registration.ts";
import { RestWaiters } from "./rest-waiters.ts";
import { type ServiceStart, Services } from "./services.ts";
import { WorkerCounters } from "./worker-counters.ts";
import type { ResolvedWorkerOptions } from "./worker-options.ts";

export interface RuntimeParts {
  readonly queue: QueueRuntime;
  /** For the services that run beside the worker. */
  readonly host: ServiceHost;
  readonly options: ResolvedWorkerOptions;
  readonly queues: readonly string[];
  readonly handlers: ReadonlyMap<string, HandlerEntry>;
  /** Called when the engine is found closed: the worker can only stop. */
  readonly onClosed: () => void;
}

/** Milliseconds that handlers get to stop once their signals have aborted. */
const SHUTDOWN_GRACE = 1_000;

/**
 * Wires the components of a running worker, each on those before it: pending ends, pool, heartbeats, executor, loop.
 * Claimed jobs go from the loop to the pool, from which the executor takes them. Ends go from the executor to the pool
 * and on to the pending ends, from which the loop takes them.
 */
export class WorkerRuntime {
  readonly counters = new WorkerCounters();
  readonly pool: AttemptPool;
  readonly loop: ClaimSettleLoop;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  readonly #failureLog: FailureLog;
  readonly #restWaiters = new RestWaiters();
  readonly #bufferWatch: BufferWatch;
  readonly #heartbeats: Heartbeats;
  readonly #workWaiter: WorkWaiter;
  readonly #maintenance: Maintenance;
  readonly #registration: Registration;
  readonly #cancelRequests: CancelRequests;
  readonly #endCancelNotices: () => void;
  readonly #services: Services;
  #isStopping = false;
  #isStopped = false;

  constructor({ queue, host, options, queues, handlers, onClosed }: RuntimeParts) {
    const { engine, clock, registry, middleware } = queue;
    const { concurrency, lease, pollInterval, maintenanceInterval } = options;
    const { counters } = this;
    const restWaiters = this.#restWaiters;
    const deadline = new Deadline(clock);
    const handled = [...handlers.values()].map(({ message: { name, version } }) => ({
      message: name,
      version,
    }));
    const handles = engine.features.selectiveClaims ? handled : undefined;
    const failureLog = new FailureLog(host.logger);
    const hooks = new Hooks(middleware, handlers, host.logger);

    const ends = new PendingEnds();
    const prefetch = new Prefetch(concurrency, options.prefetch);
    const pool = new AttemptPool({ clock, concurrency, prefetch, counters, ends });
    const bufferWatch = new BufferWatch(clock, pool);
    const heartbeats = new Heartbeats({ engine, clock, pool, failureLog, deadline, lease });
    const executor = new Executor({ engine, registry, clock, middleware, handlers, pool, heartbeats, hooks });
    const workWaiter = new WorkWaiter({ engine, clock, failureLog, queues, handles, pollInterval });
    const registration = new Registration({
      workers: engine.workers,
      clock,
      pool,
      failureLog,
      deadline,
      worker: { name: options.name, queues, handles: handled, concurrency },
    });
    const maintenance = new Maintenance({
      engine: engine.core,
      clock,
      pool,
      registration,
      failureLog,
      deadline,
      interval: maintenanceInterval,
      lease,
    });
    const calls = new EngineCalls({
      engine: engine.core,
      deadline,
      queues: new QueueRotation(queues),
      handles,
      lease,
    });
    const loop = new ClaimSettleLoop({
      calls,
      clock,
      lease,
      pool,
      ends,
      bufferWatch,
      executor,
      heartbeats,
      workWaiter,
      maintenance,
      restWaiters,
      failureLog,
      counters,
      hooks,
    });
    const onCancel = (ids: readonly string[], reason: string) => pool.cancel(ids, reason);
    failureLog.onClosed(() => {
      // A closed engine takes no more outcomes.
      loop.stop();
      onClosed();
    });

    this.pool = pool;
    this.loop = loop;
    this.#clock = clock;
    this.#deadline = deadline;
    this.#failureLog = failureLog;
    this.#bufferWatch = bufferWatch;
    this.#heartbeats = heartbeats;
    this.#workWaiter = workWaiter;
    this.#maintenance = maintenance;
    this.#registration = registration;
    this.#endCancelNotices = onCancelNotice(engine, onCancel);
    this.#cancelRequests = new CancelRequests(engine, clock, onCancel);
    this.#services = new Services(servicesOf(queue, options), host, clock);
  }

  /**
   * Resolves once the engine has answered, or failed in a way that may pass.
   *
   * @throws {QueueError} The engine's error that isn't retryable.
   */
  async start(): Promise<void> {
    const registered = this.#registration.register();
    this.#maintenance.start(() => this.loop.wake());
    this.loop.wake();
    await this.#failureLog.ready;
    await registered;
    if (this.#isStopping) return;
    this.#services.start();
    this.#cancelRequests.start();
  }

  /** Stops claiming, and releases what hasn't started. The list of workers shows it at once. */
  quiet(): void {
    this.#stopClaiming();
    this.#maintenance.beatNow();
  }

  #stopClaiming(): void {
    this.#isStopping = true;
    this.#registration.quiet();
    this.#workWaiter.stop();
    this.#failureLog.stop();
    this.pool.stop();
    this.#bufferWatch.stop();
  }

  /**
   * Stops claiming, waits up to `timeout` for running handlers, then aborts their signals and releases their jobs.
   * Resolves with the ids of jobs whose ends the engine hasn't confirmed.
   */
  async stop(timeout: number): Promise<readonly string[]> {
    this.#stopClaiming();
    if (this.pool.isEmpty) {
      // Only a claim may be in flight. An engine that has never answered isn't worth waiting for.
      if (this.#failureLog.hasAnswered) await this.#restsWithin(Math.min(timeout, SHUTDOWN_GRACE));
    } else if (!(await this.#restsWithin(timeout)) && this.pool.running > 0) {
      const reason = new QueueError(
        "SHUTDOWN",
        "The worker is stopping. It releases the job for another worker.",
      );
      this.pool.abortRunning(reason);
      if (!(await this.#restsWithin(SHUTDOWN_GRACE))) {
        this.pool.abandonRunning();
        await this.#restsWithin(SHUTDOWN_GRACE);
      }
    }
    const unsettled = [...this.pool.held].map(({ job }) => job.id);
    this.loop.stop();
    this.#maintenance.stop();
    this.#heartbeats.stop();
    this.#deadline.expire();
    this.#endCancelNotices();
    this.#cancelRequests.stop();
    this.#isStopped = true;
    this.#restWaiters.resolve();
    await Promise.all([this.#services.stop(), this.#registration.unregister()]);
    return unsettled;
  }

  /** Resolves when nothing runs or waits to run and the engine knows all ends, and once stopped. */
  async rest(): Promise<void> {
    if (!this.loop.isAtRest && !this.#isStopped) await this.#restWaiters.wait();
  }

  async #restsWithin(milliseconds: number): Promise<boolean> {
    return (await fulfillsWithin(this.rest(), milliseconds, this.#clock)) || this.loop.isAtRest;
  }
}

function servicesOf({ middleware, outbox }: QueueRuntime, { relay }: ResolvedWorkerOptions): ServiceStart[] {
  const services = middleware.starts.map((start) => ({ name: "service of a middleware", start }));
  if (!outbox || !relay) return services;
  return [...services, { name: "relay of the outbox", start: (host) => outbox.start(host) }];
}
