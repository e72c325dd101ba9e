import { type Message, QueueError, type SendData } from "@org/queue";
import { rethrowNextSignal } from "../access/refusal.ts";
import { Gateway, untyped } from "../gateway/gateway.ts";
import type { GatewayOptions } from "../gateway/gateway-options.ts";
import type { Dependency, SentJob } from "../protocol/send-input.ts";
import type { ActionResult } from "./action-result.ts";
import { formAction } from "./form-action.ts";
import { type QueueStatsData, readQueueStats } from "./queue-stats.ts";
import { toWireValues } from "./wire-values.ts";

/** What a typed sender takes beside the data. The server bounds it. */
export interface ActionSendOptions {
  /** Chosen by the client, so that a repeat stores nothing new. @default generated */
  readonly id?: string | undefined;
  /** Milliseconds, or a duration such as "5s". @default 0 */
  readonly delay?: number | string | undefined;
  /** Attempts in all. @default the message's own */
  readonly attempts?: number | undefined;
  /** 0 (most urgent) to 1000, not more urgent than the message's own. @default the message's own */
  readonly priority?: number | undefined;
  /** Ids of jobs that the user may read. `undefined` members mean none. @default none */
  readonly dependsOn?: readonly (string | Dependency | undefined)[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A message in the uniform envelope, as clients send it. Its timestamp is informational. */
export type MessageEnvelope<M extends Message = Message> = M extends Message
  ? {
      readonly messageType: M["name"];
      readonly data: SendData<M>;
      readonly timestamp?: string | undefined;
      /** Must be the signed-in user's, if it is given. */
      readonly userId?: string | undefined;
      readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    }
  : never;

/** Sends one message. */
export type SenderAction<M extends Message> = (
  data: SendData<M>,
  options?: ActionSendOptions,
) => Promise<ActionResult<SentJob>>;

/** Sends one message from the fields of a form: for `useActionState`, whose state is the result. */
export type FormAction = (
  state: ActionResult<SentJob> | null,
  form: FormData,
) => Promise<ActionResult<SentJob>>;

/** The functions of `createQueueActions`. Each that a "use server" module exports is a public endpoint. */
export interface QueueActions<M extends Message = Message> {
  /** The action that sends this message. Dates and bigints in data travel as the contract's codecs have them. */
  sender<Name extends M["name"]>(message: Name): SenderAction<Extract<M, { readonly name: Name }>>;
  /** The action that sends this message from the fields of a form, without JavaScript too. */
  form<Name extends M["name"]>(message: Name): FormAction;
  /** Sends any message that `authorize` allows. */
  addJobToQueue(message: MessageEnvelope<M>, options?: ActionSendOptions): Promise<ActionResult<SentJob>>;
  /** Sends all or none; later ones may depend on earlier ones by their ids. */
  sendMany(
    items: readonly (MessageEnvelope<M> & ActionSendOptions)[],
  ): Promise<ActionResult<{ readonly jobIds: readonly string[] }>>;
  /** Sends each by itself, in order, in one call: what `useSend` gathers in a tick. */
  sendEach(
    items: readonly (MessageEnvelope<M> & ActionSendOptions)[],
  ): Promise<readonly ActionResult<SentJob>[]>;
  /** Counts of all queues, and with `includeJobs` the newest jobs: 1 to 100 of them. */
  getQueueStats(includeJobs?: boolean, limit?: number): Promise<ActionResult<QueueStatsData>>;
  /** Removes all jobs of a queue, or of all. Refused in production, whoever asks. */
  clearQueue(queue?: string): Promise<ActionResult<{ readonly removed: number }>>;
  cancelJob(
    jobId: string,
  ): Promise<ActionResult<{ readonly jobId: string; readonly state: "cancelled" | "cancelling" }>>;
  retryJob(jobId: string): Promise<ActionResult<{ readonly jobId: string }>>;
}

/**
 * Server actions over a queue. Export from a "use server" module those that clients may call: each export is a public
 * endpoint, whether a page uses it or not.
 *
 * @throws {QueueError} `INVALID_OPTIONS` without a queue or `authorize`.
 *
 * @example
 * "use server";
 * const actions = createQueueActions({ queue, authorize });
 * export const createPlan = actions.sender("WORKOUT_PLAN_CREATE");
 * export const { cancelJob, retryJob } = actions;
 */
export function createQueueActions<M extends Message>(options: GatewayOptions<M>): QueueActions<M> {
  const gateway = new Gateway("createQueueActions", untyped(options));
  const { sends, jobs, reports } = gateway;
  const { registry } = options.queue;

  const run = async <Data>(doing: string, work: () => Promise<Data>): Promise<ActionResult<Data>> => {
    try {
      return { success: true, data: await work() };
    } catch (thrown) {
      rethrowNextSignal(thrown);
      return { success: false, error: gateway.report(thrown, doing).error };
    }
  };
  const send = (messageType: unknown, given: unknown, options: unknown) =>
    run("A send", () => sends.send(toInput({ ...Object(options), ...Object(given), messageType })));

  const actions: QueueActions = {
    sender: (messageType) => async (data, options) => send(messageType, { data }, options),
    form: (messageType) =>
      formAction(registry, messageType, async (data) => send(messageType, { data }, undefined)),
    addJobToQueue: async (message, options) => send(Object(message).messageType, message, options),
    sendMany: async (items) =>
      run("sendMany", async () => {
        const sent = await sends.sendAll(toList(items).map(toInput));
        return { jobIds: sent.map(({ jobId }) => jobId) };
      }),
    sendEach: async (items) => {
      const outcome = await run("sendEach", () => sends.sendEach(toList(items).map(toInput)));
      if (!outcome.success) return toList(items).map(() => outcome);
      return outcome.data.map((one) =>
        "sent" in one
          ? { success: true, data: one.sent }
          : { success: false, error: gateway.report(one.error, "A send").error },
      );
    },
    getQueueStats: async (includeJobs = false, limit = 20) =>
      run("getQueueStats", () => readQueueStats({ reports, jobs }, includeJobs === true, limit)),
    clearQueue: async (queue) => run("clearQueue", async () => ({ removed: await reports.clear(queue) })),
    cancelJob: async (jobId) =>
      run("cancelJob", async () => ({ jobId, state: await jobs.cancel(toId(jobId)) })),
    retryJob: async (jobId) =>
      run("retryJob", async () => {
        await jobs.retry(toId(jobId));
        return { jobId };
      }),
  };
  return actions as unknown as QueueActions<M>;
}

/** Clients may call with anything. */
function toList(items: unknown): readonly unknown[] {
  return Array.isArray(items) ? items : [items];
}

function toInput(item: unknown): unknown {
  const input: { readonly data?: unknown } = Object(item);
  return { ...input, data: toWireValues(input.data) };
}

function toId(id: unknown): string {
  if (typeof id === "string") return id;
  throw new QueueError("INVALID_OPTIONS", "Expected a job's id.");
}
