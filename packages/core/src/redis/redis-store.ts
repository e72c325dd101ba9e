import type { JobKey } from "../engine/job.ts";
import { CallbackGuard, logFailure } from "../logging/callback-guard.ts";
import { consoleLogger, type Logger } from "../logging/logger.ts";
import { Profiles } from "./codec/profiles.ts";
import type { RedisConnection } from "./connection/connection.ts";
import type { Script } from "./connection/script.ts";

/** Jobs that one call reads or operates on. */
export const MAX_JOBS = 500;

export interface TombstoneOptions {
  /** Milliseconds. */
  readonly age: number;
  readonly count: number;
}

/** What the facets of one redis engine share. */
export class RedisStore {
  readonly connection: RedisConnection;
  readonly tombstones: TombstoneOptions;
  readonly profiles: Profiles;
  readonly listeners = new CallbackGuard(logFailure("A listener of the redis engine", () => this.logger));
  logger: Logger = consoleLogger;
  #hasReportedMalformed = false;

  constructor(connection: RedisConnection, tombstones: TombstoneOptions) {
    this.connection = connection;
    this.tombstones = tombstones;
    this.profiles = new Profiles(connection);
  }

  run(script: Script, args: readonly (string | number)[]): Promise<unknown> {
    return this.connection.run(script, args);
  }

  /** Runs a script over jobs, in calls of at most `MAX_JOBS`. Resolves with the outcome of each. */
  async runOverJobs<Outcome>(
    script: Script,
    jobs: readonly JobKey[],
    ...first: readonly string[]
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < jobs.length) {
      const some = idsOf(jobs.slice(outcomes.length, outcomes.length + MAX_JOBS));
      const reply = await this.run(script, [this.tombstones.count, ...first, ...some]);
      outcomes.push(...(reply as readonly Outcome[]));
    }
    return outcomes;
  }

  reportMalformed(channel: string): void {
    if (this.#hasReportedMalformed) return;
    this.#hasReportedMalformed = true;
    this.logger.warn(
      `Redis: ignored a message on the channel "${channel}" of the engine's namespace that isn't in the engine's format. ` +
        "Further ones aren't logged. Check whether another program publishes there.",
    );
  }
}

/** Ids are unique in a namespace, so a key's queue isn't needed. */
export function idsOf(jobs: readonly JobKey[]): string[] {
  return jobs.map(({ id }) => id);
}
