import { TERMINAL_STATES } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { drainedKeyProblems, emptyKeyProblems } from "../audit/keys.ts";
import { takeSnapshot } from "../audit/snapshot.ts";
import { checkTable, type TableFacts } from "./check-table.ts";
import { JobTable } from "./job-table.ts";
import { type LedgerFacts, readLedgers } from "./read-ledgers.ts";
import { SOAK_NAMESPACE, type SoakStage } from "./soak-stage.ts";

export interface SoakVerdict {
  readonly problems: readonly string[];
  readonly jobs: TableFacts;
  readonly ledgers: Omit<LedgerFacts, "problems">;
  /** Number of jobs that ran more than once. */
  readonly reclaimed: number;
}

/** After the drain, checks the ledgers against the invariants, and the remaining keys. */
export async function auditSoak(stage: SoakStage): Promise<SoakVerdict> {
  const engine = redisEngine({ url: stage.redis.url, namespace: SOAK_NAMESPACE });
  try {
    const { jobs: records } = await takeSnapshot(engine, false);
    const stored = new Map(records.map(({ id, state }) => [id, state]));
    const keyProblems = [...(await drainedKeyProblems(stage.redis.admin, SOAK_NAMESPACE))];
    for (const state of TERMINAL_STATES) {
      while ((await engine.operate.clean({ state, olderThan: 0, limit: 10_000 })) > 0);
    }
    keyProblems.push(...(await emptyKeyProblems(stage.redis.admin, SOAK_NAMESPACE)));

    const table = new JobTable(stage.producers.length);
    const isProducers = (path: string) => Number(!path.includes("/producer-"));
    const paths = stage.ledgers.toSorted((a, b) => isProducers(a) - isProducers(b));
    const { problems, ...ledgers } = await readLedgers(paths, table);
    const jobs = checkTable(table, stored, (problem) => problems.push(problem));
    return { problems: [...keyProblems, ...problems], jobs, ledgers, reclaimed: table.reclaimed };
  } finally {
    await engine.core.close();
  }
}
