import type { RetryPolicy } from "@org/queue/contract";

/** Tried again after 2 s, 4 s and 8 s; then the job has failed. */
export const retryThrice: RetryPolicy = {
  attempts: 4,
  backoff: { type: "exponential", delay: "2s" },
};

/**
 * What changes one plan runs one at a time, in the order it was sent. WORKOUT_PLAN_CREATE has no such key:
 * what needs a new plan depends on its job, and may then be sent before it in one batch.
 */
export const inPlanOrder = (data: { readonly planId: string }) => data.planId;
