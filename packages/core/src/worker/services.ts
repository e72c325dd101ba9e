import type { Service, ServiceHost } from "../middleware/middleware.ts";
import { backoffDelay } from "../timing/backoff.ts";
import type { Clock } from "../timing/clock.ts";
import { fulfillsWithin } from "../timing/with-timeout.ts";

/** A service to run beside a worker. */
export interface ServiceStart {
  /** For log lines: "The … couldn't start". */
  readonly name: string;
  readonly start: (host: ServiceHost) => Promise<Service>;
}

const START_BACKOFF = { first: 100, max: 2_000 };
/** Milliseconds that a worker's stop waits for a service's stop: one that hangs must not keep the process. */
const STOP_TIMEOUT = 10_000;
/** Milliseconds that it waits for a service's start. The service is stopped whenever it has started. */
const START_TIMEOUT = 1_000;

/** The services that run beside one worker. */
export class Services {
  readonly #runners: readonly ServiceRunner[];

  constructor(starts: readonly ServiceStart[], host: ServiceHost, clock: Clock) {
    this.#runners = starts.map((start) => new ServiceRunner(start, host, clock));
  }

  start(): void {
    for (const runner of this.#runners) runner.start();
  }

  /** Resolves when all have stopped, or their time is over. */
  async stop(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop()));
  }
}

/** Starts one service, with retries until it has started, and stops it. */
class ServiceRunner {
  readonly #name: string;
  readonly #startService: ServiceStart["start"];
  readonly #host: ServiceHost;
  readonly #clock: Clock;
  #service: Service | undefined;
  #starting: Promise<void> | undefined;
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor({ name, start }: ServiceStart, host: ServiceHost, clock: Clock) {
    this.#name = name;
    this.#startService = start;
    this.#host = host;
    this.#clock = clock;
  }

  start(): void {
    this.#starting = this.#start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    const { logger } = this.#host;
    const hasStarted = this.#service !== undefined;
    const stopping = this.#stop().catch((error) =>
      logger.error(`The ${this.#name} couldn't be stopped.`, error),
    );
    const timeout = hasStarted ? STOP_TIMEOUT : START_TIMEOUT;
    if ((await fulfillsWithin(stopping, timeout, this.#clock)) || !hasStarted) return;
    logger.error(`The ${this.#name} didn't stop within ${STOP_TIMEOUT / 1_000} seconds.`);
  }

  async #start(): Promise<void> {
    const { logger } = this.#host;
    try {
      this.#service = await this.#startService(this.#host);
      if (this.#failures > 0) logger.warn(`The ${this.#name} has started now.`);
    } catch (error) {
      if (this.#isStopped) return;
      if (++this.#failures === 1) {
        logger.error(`The ${this.#name} couldn't start. The worker keeps trying.`, error);
      }
      const pause = backoffDelay(START_BACKOFF, this.#failures);
      this.#cancelRetry = this.#clock.after(pause, () => this.start());
    }
  }

  /** Waits for a start in progress, so that nothing is left running. */
  async #stop(): Promise<void> {
    await this.#starting;
    await this.#service?.stop();
  }
}
