import type { HistoryFile } from "./history-file.ts";
import type { EngineObserver } from "./observe-engine.ts";

/**
 * Records the calls of a process to its engine.
 *
 * A job that is resent gets another sender name than the first time. Which of the two sends stored it is unknown, and
 * so is its position among the sender's other jobs.
 */
export function historyObserver(by: string, file: HistoryFile): EngineObserver {
  const tries = new Map<string, number>();
  return {
    sending(batches) {
      for (const { jobs } of batches) {
        const id = jobs[0]!.envelope.id;
        const earlier = tries.get(id) ?? 0;
        tries.set(id, earlier + 1);
        file.write({ type: "sending", by: earlier === 0 ? by : `${by}, try ${earlier + 1} of ${id}`, jobs });
      }
    },
    sent(batches, outcomes) {
      outcomes.forEach((outcome, index) => {
        if (!outcome.ok) return;
        const requested = batches[index]!.jobs.map(({ envelope }) => envelope.id);
        file.write({ type: "sent", by, requested, jobs: outcome.jobs });
      });
    },
    claimed(jobs) {
      const told = jobs.map(({ id, epoch, attempt, envelope, follows }) => {
        return { id, epoch, attempt, data: envelope.data, ...(follows !== undefined && { follows }) };
      });
      file.write({ type: "claimed", by, jobs: told });
    },
    settling(outcomes) {
      const told = outcomes.map(({ id, epoch, type }) => ({ id, epoch, outcome: type }));
      file.write({ type: "settling", by, outcomes: told });
    },
    settled(outcomes, verdicts) {
      outcomes.forEach(({ id, epoch, type }, index) => {
        file.write({ type: "settled", by, id, epoch, outcome: type, verdict: verdicts[index]! });
      });
    },
    operating(operation, ids) {
      file.write({ type: "operating", by, operation, ids });
    },
    operated(operation, ids, outcomes) {
      ids.forEach((id, index) => {
        file.write({ type: "operated", by, operation, id, outcome: outcomes[index]! });
      });
    },
  };
}
