import type { LevelLogger } from "../config/config.ts";
import type { EndpointAddress, RestartSettings } from "../config/settings.ts";
import { startEndpoints } from "../endpoints/start-endpoints.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import { Orders } from "../host/orders.ts";
import { listenForSignals } from "../host/process-signals.ts";
import { Slot } from "./slot.ts";
import { SupervisorProbes } from "./supervisor-probes.ts";
import type { WorkerProcessParts } from "./worker-process.ts";

/** How often the beats of the processes are looked at, in milliseconds. */
const LOOK_INTERVAL = 500;

export interface SupervisorParts {
  readonly processes: number;
  readonly process: WorkerProcessParts;
  readonly logger: LevelLogger;
  readonly stopTimeout: number;
  readonly endpoints: EndpointAddress | undefined;
  /** A process whose event loop is blocked for this long is reported, in milliseconds. */
  readonly blockedFor: number;
  /** One that is blocked for this long is killed and started again: its leases are over anyway. */
  readonly killBlockedAfter: number;
  /** Whether a restart is ordered when a file changes. */
  readonly isWatching: boolean;
  readonly restarts: RestartSettings;
}

/** Starts worker processes, restarts those that end, replaces one after another on SIGHUP, and stops them all. */
export class Supervisor {
  readonly orders = new Orders();
  readonly #parts: SupervisorParts;
  readonly #slots: readonly Slot[];
  readonly #silent = new WeakSet<object>();
  /** Ordered, and not yet done. */
  #reloads = 0;
  #lastLook = performance.now();
  #isStopping = false;
  #code: ExitCode = EXIT_CODES.OK;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    const { processes, process, logger, isWatching, restarts } = parts;
    const onGiveUp = (code: ExitCode, reason: string) => {
      this.#code = code;
      this.orders.give({ type: "stop", reason });
    };
    this.#slots = Array.from(
      { length: processes },
      (_, index) => new Slot({ number: index + 1, process, restarts, isWatching, logger, onGiveUp }),
    );
  }

  /** Resolves with the exit code when all processes have ended. */
  async run(): Promise<ExitCode> {
    const { endpoints, logger } = this.#parts;
    const stopListening = listenForSignals(this.orders, "reload", () => {
      for (const slot of this.#slots) slot.kill();
    });
    const probes = new SupervisorProbes(this.#slots);
    const server = endpoints && (await startEndpoints(endpoints, probes));
    const timer = setInterval(() => this.#look(), LOOK_INTERVAL);
    try {
      const where = server ? ` Endpoints: ${server.url}` : "";
      const count = this.#slots.length === 1 ? "1 process" : `${this.#slots.length} processes`;
      logger.info({ processes: this.#slots.length }, `Starting ${count}.${where}`);
      const started = Promise.all(this.#slots.map((slot) => slot.start()));
      void started.then(() => logger.info({ processes: this.#slots.length }, "All processes are ready."));
      await this.#obeyUntilEnd();
      await Promise.all(this.#slots.map((slot) => slot.stop(this.#parts.stopTimeout)));
      logger.info({ code: this.#code }, "All processes have ended.");
      return this.#code;
    } finally {
      clearInterval(timer);
      await server?.close();
      stopListening();
    }
  }

  async #obeyUntilEnd(): Promise<void> {
    const { logger } = this.#parts;
    for (;;) {
      const order = await this.orders.next();
      switch (order.type) {
        case "stop":
          this.#isStopping = true;
          logger.info({}, `Stopping all processes (${order.reason}).`);
          return;
        case "quiet":
          logger.info({}, `Quiet (${order.reason}): no process claims or is started any more.`);
          for (const slot of this.#slots) slot.quiet();
          break;
        case "report":
          for (const { process } of this.#slots) process?.kill("SIGTTIN");
          break;
        case "restart":
          logger.info({}, `Starting again: ${order.reason}.`);
          await Promise.all(this.#slots.map((slot) => slot.restart(0)));
          break;
        case "reload":
          this.#reloads++;
          if (this.#reloads === 1) void this.#reloadAll(order.reason);
      }
    }
  }

  /** Orders that come meanwhile are obeyed once more at the end: some processes may have loaded older code. */
  async #reloadAll(reason: string): Promise<void> {
    while (this.#reloads > 0) {
      this.#reloads = 1;
      await this.#reload(reason);
      this.#reloads--;
    }
  }

  /** One after another, so that all but one work at any time, and a version that can't start replaces none. */
  async #reload(reason: string): Promise<void> {
    const { logger, stopTimeout } = this.#parts;
    logger.info({}, `Replacing one process after another (${reason}).`);
    for (const slot of this.#slots) {
      const old = slot.process?.pid;
      const problem = await slot.replace(stopTimeout);
      if (this.#isStopping) return;
      if (problem !== undefined) {
        logger.error(
          { process: slot.number },
          `The successor of process ${slot.number} (pid ${old}) ${problem}. The others aren't replaced: they go on with what they have loaded.`,
        );
        return;
      }
      logger.info(
        { process: slot.number, childPid: slot.process?.pid },
        `Process ${slot.number} was replaced.`,
      );
    }
    logger.info({}, "All processes are replaced.");
  }

  #look(): void {
    const { blockedFor, killBlockedAfter, logger } = this.#parts;
    const now = performance.now();
    const wasPaused = now - this.#lastLook > 4 * LOOK_INTERVAL;
    this.#lastLook = now;
    if (wasPaused) for (const { process } of this.#slots) process?.forgive();
    for (const { number, process } of this.#slots) {
      if (!process) continue;
      const { silentFor, pid } = process;
      if (silentFor < blockedFor) {
        this.#silent.delete(process);
        continue;
      }
      const silence = `no sign for ${Math.round(silentFor / 1_000)} s`;
      const ran = process.running.map(({ id, message }) => `${id} (${message})`).join(", ") || "no job";
      const fields = {
        process: number,
        childPid: pid,
        silentFor: Math.round(silentFor),
        jobs: process.running.map(({ id }) => id),
      };
      if (!this.#silent.has(process)) {
        this.#silent.add(process);
        logger.warn(
          fields,
          `Process ${number} (pid ${pid}) gives ${silence}: its event loop is blocked. Before that it ran ${ran}.`,
        );
      }
      if (silentFor < killBlockedAfter) continue;
      logger.error(
        fields,
        `Process ${number} (pid ${pid}) is killed: it has given ${silence}, so its leases are over. Before that it ran ${ran}.`,
      );
      process.kill("SIGKILL");
    }
  }
}
