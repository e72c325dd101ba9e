import type {
  AttemptOutcome,
  ClaimedJob,
  CompleteEngine,
  EnqueueBatch,
  EnqueueOutcome,
  ExtendRequest,
  Heartbeat,
  LeaseReply,
  SettleReply,
  SettleRequest,
} from "@org/queue/engine";
import { alterEngine } from "@org/queue/testing";

export type Verdict = SettleReply["verdicts"][number];

/** Called with the calls to an engine and its replies. Without a reply, only the call is observed. */
export interface EngineObserver {
  sending?(batches: readonly EnqueueBatch[]): void;
  sent?(batches: readonly EnqueueBatch[], outcomes: readonly EnqueueOutcome[]): void;
  claimed?(jobs: readonly ClaimedJob[]): void;
  /** Before the call to the engine. */
  settling?(outcomes: readonly AttemptOutcome[]): void;
  settled?(outcomes: readonly AttemptOutcome[], verdicts: readonly Verdict[]): void;
  extended?(leases: readonly Heartbeat[], replies: readonly LeaseReply[]): void;
  operating?(operation: "cancel", ids: readonly string[]): void;
  operated?(operation: "cancel", ids: readonly string[], outcomes: readonly string[]): void;
}

/** The same engine with observers, called in order. */
export function observeEngine(
  engine: CompleteEngine,
  ...observers: readonly EngineObserver[]
): CompleteEngine {
  const tell = (hear: (observer: EngineObserver) => void) => observers.forEach(hear);
  const claimed = (jobs: readonly ClaimedJob[]) => {
    if (jobs.length > 0) tell((observer) => observer.claimed?.(jobs));
  };

  return alterEngine(engine, {
    core: {
      async enqueue(batches) {
        tell((observer) => observer.sending?.(batches));
        const outcomes = await engine.core.enqueue(batches);
        tell((observer) => observer.sent?.(batches, outcomes));
        return outcomes;
      },
      async claim(request) {
        const reply = await engine.core.claim(request);
        claimed(reply.jobs);
        return reply;
      },
      async settle(request: SettleRequest) {
        const { outcomes } = request;
        if (outcomes.length > 0) tell((observer) => observer.settling?.(outcomes));
        const reply = await engine.core.settle(request);
        if (outcomes.length > 0) tell((observer) => observer.settled?.(outcomes, reply.verdicts));
        claimed(reply.claimed);
        return reply;
      },
      async extend(request: ExtendRequest) {
        const statuses = await engine.core.extend(request);
        tell((observer) => observer.extended?.(request.leases, statuses));
        return statuses;
      },
    },
    operate: {
      async cancel(jobs, reason) {
        const ids = jobs.map(({ id }) => id);
        tell((observer) => observer.operating?.("cancel", ids));
        const outcomes = await engine.operate.cancel(jobs, reason);
        tell((observer) => observer.operated?.("cancel", ids, outcomes));
        return outcomes;
      },
    },
  });
}
