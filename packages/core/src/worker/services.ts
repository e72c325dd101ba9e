import type { Service, ServiceHost } from "../middleware/middleware.ts";
import { backoffDelay } from "../timing/backoff.ts";
import type { Clock } from "../timing/clock.ts";

/** What is to run beside a worker. */
export interface ServiceStart {
  /** For messages: what the worker couldn't start. */
  readonly name: string;
  readonly start: (host: ServiceHost) => Promise<Service>;
}

const START_BACKOFF = { first: 100, max: 2_000 };
/** Longest that a worker's stop waits for a service's: one that hangs must not keep the process. */
export const STOP_PATIENCE = 10_000;

/** As long for one whose start is still under way: it is stopped whenever it has started. */
const START_PATIENCE = 1_000;

/** All that runs beside one worker. */
export class Services {
  readonly #keepers: readonly ServiceKeeper[];

  constructor(starts: readonly ServiceStart[], host: ServiceHost, clock: Clock) {
    this.#keepers = starts.map((start) => new ServiceKeeper(start, host, clock));
  }

  start(): void {
    for (const keeper of this.#keepers) keeper.start();
  }

  /** Resolves when all have stopped, or won't. */
  async stop(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
  }
}

/** Starts one service, again and again until it has started, and stops it. */
class ServiceKeeper {
  readonly #what: ServiceStart;
  readonly #host: ServiceHost;
  readonly #clock: Clock;
  #service: Service | undefined;
  #starting: Promise<void> | undefined;
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor(what: ServiceStart, host: ServiceHost, clock: Clock) {
    this.#what = what;
    this.#host = host;
    this.#clock = clock;
  }

  start(): void {
    this.#starting = this.#start();
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    const { name } = this.#what;
    const hasStarted = this.#service !== undefined;
    return new Promise((resolve) => {
      const giveUp = () => {
        if (hasStarted) {
          this.#host.logger.error(`The ${name} didn't stop within ${STOP_PATIENCE / 1_000} seconds.`);
        }
        resolve();
      };
      const cancelTimer = this.#clock.after(hasStarted ? STOP_PATIENCE : START_PATIENCE, giveUp);
      this.#end()
        .catch((error) => this.#host.logger.error(`The ${name} couldn't be stopped.`, error))
        .finally(() => {
          cancelTimer();
          resolve();
        });
    });
  }

  async #start(): Promise<void> {
    const { name, start } = this.#what;
    const { logger } = this.#host;
    try {
      this.#service = await start(this.#host);
      if (this.#failures > 0) logger.warn(`The ${name} has started now.`);
    } catch (error) {
      if (this.#isStopped) return;
      if (++this.#failures === 1) {
        logger.error(`The ${name} couldn't start; the worker goes on trying.`, error);
      }
      const pause = backoffDelay(START_BACKOFF, this.#failures);
      this.#cancelRetry = this.#clock.after(pause, () => this.start());
    }
  }

  /** A start that is under way is waited for, so that nothing is left running. */
  async #end(): Promise<void> {
    await this.#starting;
    await this.#service?.stop();
  }
}
