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
 * A type that no value has. Beside the types of columns it makes TypeScript read `"calm"` as itself where a callback
 * without parameters returns it: those are read before the table is known, and it would be any `string`.
 */
type Literal = ("" | 0) & { readonly [impossible]: never };

type Returned<Columns> = { readonly [Name in keyof Columns]: Columns[Name] | Literal };

/** What `trackStatus` takes beside the message. */
export interface TrackStatusOptions<M extends Message, T extends AnyStatusTable> {
  readonly store: StatusStore<T>;
  /** Whose status a job of the message is; `undefined` for a job that isn't tracked. */
  readonly key: (data: HandlerData<M>) => Returned<StatusKey<T>> | undefined;
  /** The app's fields, as far as jobs tell them. */
  readonly fields?:
    | {
        /** Set as an attempt begins, for example to count from 0 again. */
        readonly start?: ((data: HandlerData<M>) => Returned<StatusFields<T>>) | undefined;
        /** Set by what the handler reports: at most four times a second, the last one always. */
        readonly progress?:
          | ((value: ReportedProgress<M>, data: HandlerData<M>) => Returned<StatusFields<T>>)
          | undefined;
        /** Set by what the handler returns. */
        readonly result?:
          | ((value: JobResult<M>, data: HandlerData<M>) => Returned<StatusFields<T>>)
          | undefined;
      }
    | undefined;
  /** Time between two looks for rows that missed how their job went on. "100ms" to "1h". @default "2s" */
  readonly reconcileInterval?: Duration | undefined;
  /** Time after which a job that the engine doesn't know any more is taken for failed. @default "1m" */
  readonly goneAfter?: Duration | undefined;
  /** Told of what `key` and `fields` throw, and when reconciling fails. @default the store's */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const fn = z.custom<(...values: never[]) => unknown>(
  (value) => typeof value === "function",
  "expected a function",
);

const optionsSchema = z.strictObject({
  // By shape: bundlers load a module more than once in a process.
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
 * Binds a message to a status store: middleware that keeps each subject's row at what its newest job does. `PENDING`
 * once it is sent, `RUNNING` while a handler has it, fields as it reports progress, then `SUCCEEDED`, `FAILED` or
 * `CANCELLED` with `error_message`. A job that waits to be retried is `PENDING` again, with the error of its last
 * attempt. Give it to the queue of every process that sends the message or works on it.
 *
 * A send writes its row after the engine has the job (with `tx`: in that transaction), and waits for it; when Postgres
 * is away, the send succeeds all the same. Workers write without holding up a handler, and mend what was missed.
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
