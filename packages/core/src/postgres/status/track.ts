import * as z from "zod/mini";
import type { Duration } from "../../contract/duration.ts";
import type { HandlerData, JobResult, Message, ReportedProgress } from "../../contract/message.ts";
import { duration, parseOptions } from "../../contract/options.ts";
import { safeOnError } from "../../logging/logger.ts";
import type { Middleware } from "../../middleware/middleware.ts";
import type { StatusStore } from "./store.ts";
import type { AnyStatusTable, StatusFields, StatusKey } from "./table.ts";
import { Tracker } from "./tracker.ts";
import { TrackingService } from "./tracking-service.ts";

declare const impossible: unique symbol;

/**
 * A type without values. In a union with the column types, it makes TypeScript infer the literal `"calm"`, not
 * `string`, for the result of a callback without parameters, which TypeScript checks before the table is known.
 */
type Literal = ("" | 0) & { readonly [impossible]: never };

type Returned<Columns> = { readonly [Name in keyof Columns]: Columns[Name] | Literal };

/** What `trackStatus` takes after the message. */
export interface TrackStatusOptions<M extends Message, T extends AnyStatusTable> {
  readonly store: StatusStore<T>;
  /** The key of the subject that a job belongs to, or `undefined` to not track the job. */
  readonly key: (data: HandlerData<M>) => Returned<StatusKey<T>> | undefined;
  /** The app's fields to set from jobs. */
  readonly fields?:
    | {
        /** Set when an attempt starts, for example to reset a counter. */
        readonly start?: ((data: HandlerData<M>) => Returned<StatusFields<T>>) | undefined;
        /** Set from the progress that the handler reports: at most four times a second, always including the last. */
        readonly progress?:
          | ((value: ReportedProgress<M>, data: HandlerData<M>) => Returned<StatusFields<T>>)
          | undefined;
        /** Set from the result of the handler. */
        readonly result?:
          | ((value: JobResult<M>, data: HandlerData<M>) => Returned<StatusFields<T>>)
          | undefined;
      }
    | undefined;
  /** Time between two scans for rows that missed a transition. "100ms" to "1h". @default "2s" */
  readonly reconcileInterval?: Duration | undefined;
  /** How long the engine may not know a job before it counts as failed. @default "1m" */
  readonly goneAfter?: Duration | undefined;
  /** Called with errors of `key` and `fields`, and when reconciliation fails. @default the store's `onError` */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const fn = z.custom<(...values: never[]) => unknown>(
  (value) => typeof value === "function",
  "expected a function",
);

const optionsSchema = z.strictObject({
  // By shape, because bundlers may load a module more than once in a process.
  store: z.custom<StatusStore>(
    (value) => typeof (value as Partial<StatusStore> | null)?.writer?.put === "function",
    "expected a store (createStatusStore)",
  ),
  key: fn,
  fields: z.optional(
    z.strictObject({ start: z.optional(fn), progress: z.optional(fn), result: z.optional(fn) }),
  ),
  reconcileInterval: z._default(duration({ min: 100, max: 3_600_000 }), 2_000),
  goneAfter: z._default(duration(), 60_000),
  onError: z.optional(fn),
});

/**
 * Middleware that keeps each subject's row in the state of its newest job: `PENDING` once the message is sent,
 * `RUNNING` while a handler runs, fields as it reports progress, then `SUCCEEDED`, `FAILED` or `CANCELLED` with
 * `error_message`. A job that waits for a retry is `PENDING` again, with the error of its last attempt. Pass it to the
 * queue of every process that sends or handles the message.
 *
 * A send writes its row after the engine has stored the job (with `tx`, in that transaction) and waits for the write.
 * If Postgres is away, the send still succeeds. Workers write without delaying handlers, and repair rows that missed a
 * transition.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const queue = createQueue({
 *   registry,
 *   middleware: [
 *     trackStatus(channelScan, {
 *       store: scans,
 *       key: ({ guildId, channelId }) => ({ guildId, channelId }),
 *       fields: { progress: ({ scanned }) => ({ messageCount: scanned }) },
 *     }),
 *   ],
 * });
 */
export function trackStatus<M extends Message, T extends AnyStatusTable>(
  message: M,
  options: TrackStatusOptions<M, T>,
): Middleware {
  const { reconcileInterval, goneAfter } = parseOptions("trackStatus", optionsSchema, options);
  const onError = options.onError
    ? safeOnError(`onError of trackStatus ${message.name}`, options.onError)
    : options.store.onError;
  const tracker = new Tracker(
    message,
    options as unknown as TrackStatusOptions<Message, AnyStatusTable>,
    onError,
  );
  const service = new TrackingService({
    tracker,
    store: options.store as unknown as StatusStore,
    interval: reconcileInterval,
    goneAfter,
    onError,
  });
  return {
    send: (requests, next) => tracker.send(requests, next),
    run: (context, next) => tracker.run(context, next),
    progress: (context, value) => tracker.progress(context, value),
    settled: (attempt) => tracker.settled(attempt),
    start: (host) => service.start(host),
  };
}
