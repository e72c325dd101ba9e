import type { RetryPolicy } from "@org/queue/contract";

/** Retried after 2 s, 4 s and 8 s. Then the job fails. */
export const retryThrice: RetryPolicy = {
  attempts: 4,
  backoff: { type: "exponential", delay: "2s" },
};

/**
 * Changes of one plan run one at a time, in send order. WORKOUT_PLAN_CREATE has no ordering key: jobs that need a new
 * plan depend on its job, and may be sent before it in one batch.
 */
export const inPlanOrder = (data: { readonly planId: string }) => data.planId;
