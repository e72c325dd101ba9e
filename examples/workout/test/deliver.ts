import type { Handler, HandlerContext } from "@org/queue";
import type { HandlerData, HandlerResult, Message, ReportedProgress } from "@org/queue/contract";

export interface Delivery<M extends Message> {
  readonly result: HandlerResult<M>;
  readonly progress: readonly ReportedProgress<M>[];
}

/**
 * Runs a handler like a worker, for one delivery of a job. Two deliveries with the same `sentAt` are one job that is
 * delivered twice, as when a worker dies between its writes and its outcome.
 */
export async function deliver<M extends Message>(
  handler: Handler<M>,
  data: HandlerData<M>,
  { sentAt = 1_000, fence = 1, attempt = 1, signal = new AbortController().signal } = {},
): Promise<Delivery<M>> {
  const progress: ReportedProgress<M>[] = [];
  const context = {
    data,
    job: { id: `job-of-${sentAt}`, messageType: "DELIVERED", attempt, createdAt: new Date(sentAt) },
    signal,
    fence,
    progress: (reported: ReportedProgress<M>) => progress.push(reported),
    log: () => undefined,
    dependencies: [],
  };
  const result = await handler(context as unknown as HandlerContext<M>);
  return { result: result as HandlerResult<M>, progress };
}
