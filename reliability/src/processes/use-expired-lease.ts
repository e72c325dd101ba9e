import { setTimeout as pause } from "node:timers/promises";
import { type Engine, isQueueError } from "@org/queue";
import type { AttemptOutcome, Lease } from "@org/queue/engine";
import type { Verdict } from "../history/observe-engine.ts";
import type { ExpiredLeaseReplies } from "./protocol.ts";

const ERROR = JSON.stringify({ code: "HANDLER_FAILED", message: "Too late" });

/**
 * Tries everything that only the holder of a lease may do, directly on the engine, because the runtime drops calls with
 * an expired lease.
 */
export async function useExpiredLease(
  engine: Engine,
  lease: Lease,
  length: number,
): Promise<ExpiredLeaseReplies> {
  const { id, epoch, token } = lease;
  const settle = async (outcome: AttemptOutcome): Promise<Verdict> => {
    const { verdicts } = await untilAnswered(() => engine.core.settle({ outcomes: [outcome] }));
    return verdicts[0]!;
  };
  const late = {
    id,
    epoch,
    token,
    progress: '{"by":"a stale attempt"}',
    logs: [{ at: 0, message: "from a stale attempt" }],
  };
  const [extended] = await untilAnswered(() => engine.core.extend({ lease: length, leases: [late] }));
  await untilAnswered(() => engine.core.release([{ id, epoch, token, delay: 0, bounce: false }]));
  return {
    extended: extended!.status,
    settled: {
      complete: await settle({
        id,
        epoch,
        token,
        type: "complete",
        result: '{"by":"a stale attempt","fence":0}',
      }),
      retry: await settle({ id, epoch, token, type: "retry", error: ERROR, delay: 0 }),
      fail: await settle({ id, epoch, token, type: "fail", error: ERROR }),
      cancel: await settle({ id, epoch, token, type: "cancel", error: ERROR }),
    },
  };
}

/** A failover may cut the connection at any moment. */
async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isQueueError(error) || !error.retryable) throw error;
      await pause(50);
    }
  }
}
