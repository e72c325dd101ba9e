import {
  type AttemptInfo,
  type HandlerContext,
  isQueueError,
  type Middleware,
  type Registry,
  type RunNext,
  type SettledAttempt,
} from "@org/queue";
import { type ErrorFields, errorFields } from "./error-fields.ts";
import { inScope, type LineSink } from "./job-context.ts";
import { oneLine, shorten } from "./printable.ts";
import type { LineLevel, SafeLogger } from "./safe-logger.ts";
import { SensitiveValues } from "./sensitive-values.ts";

/** The shortest lease that a worker may have, in milliseconds. */
const MIN_LEASE = 1_000;
/** Characters of an error's message in the text of a line. All of it is in `err`. */
const MAX_REASON = 200;

export interface AttemptLogsParts {
  readonly logger: SafeLogger;
  /** Also adds lines of handlers to their job's own log. */
  readonly intoJobs: boolean;
}

/** Logs the start and the end of each attempt, and the lines of its handler with its job. */
export class AttemptLogs implements Middleware {
  readonly #parts: AttemptLogsParts;
  /** From the start of a handler until its outcome is stored. */
  readonly #running = new WeakMap<AttemptInfo, RunningAttempt>();
  #registry: Registry | undefined;

  constructor(parts: AttemptLogsParts) {
    this.#parts = parts;
  }

  async run(context: HandlerContext, next: RunNext): Promise<unknown> {
    const { logger, intoJobs } = this.#parts;
    const { job } = context;
    const attempt = new RunningAttempt({ context, logger, intoJobs, registry: () => this.#registry });
    this.#running.set(job, attempt);
    if (logger.isOn("debug")) logger.debug(jobFields(job), `Started ${job.messageType}.`);
    try {
      return await inScope({ job, sink: attempt }, () => attempt.run(next));
    } finally {
      this.#reportLost(context, attempt.duration ?? 0);
    }
  }

  settled(settled: SettledAttempt): void {
    const { job, outcome } = settled;
    const level = LEVELS[outcome];
    if (!this.#parts.logger.isOn(level)) return;
    const attempt = this.#running.get(job);
    const { duration } = attempt ?? {};
    const retryDelay = settled.retryDelay;
    const error = outcome === "completed" ? undefined : this.#error(settled, attempt);
    const fields = {
      ...jobFields(job),
      outcome,
      ...(duration !== undefined && { duration }),
      ...(settled.resultSize !== undefined && { resultSize: settled.resultSize }),
      ...(retryDelay !== undefined && { retryAt: new Date(Date.now() + retryDelay).toISOString() }),
      ...(error && { err: error }),
    };
    this.#parts.logger.write(level, fields, describe(settled, { duration, error }));
  }

  /** Learns the registry, which says what is sensitive: middleware meets its queue here. */
  async start({ queue }: { readonly queue: { readonly registry: Registry } }) {
    this.#registry = queue.registry;
    return { stop: async () => {} };
  }

  /** Nothing settles an attempt whose lease was lost. Its signal is created on access, so it isn't asked of short ones. */
  #reportLost(context: HandlerContext, duration: number): void {
    if (duration < MIN_LEASE || !isQueueError(context.signal.reason, "LEASE_LOST")) return;
    const { job } = context;
    this.#parts.logger.warn(
      { ...jobFields(job), outcome: "lost", duration },
      `${job.messageType} lost its lease, and ended after ${readable(duration)}: its outcome doesn't count.`,
    );
  }

  #error(settled: SettledAttempt, attempt: RunningAttempt | undefined): ErrorFields | undefined {
    const { error, job } = settled;
    if (!error) return undefined;
    const { code } = error;
    const described: ErrorFields =
      attempt?.hasThrown && (code === "HANDLER_FAILED" || code === "UNRECOVERABLE" || code === "RETRY_AFTER")
        ? { code, ...errorFields(attempt.thrown) }
        : {
            type: error.name ?? "Error",
            message: error.message,
            code,
            ...(error.stack && { stack: error.stack }),
          };
    const sensitive =
      attempt?.sensitive ?? new SensitiveValues(this.#registry?.get(job.messageType), settled.data);
    return sensitive.fields(described) as ErrorFields;
  }
}

/** Completed ones at a level that production keeps: one line for each attempt. */
const LEVELS: Readonly<Record<SettledAttempt["outcome"], LineLevel>> = {
  completed: "info",
  retrying: "warn",
  failed: "error",
  cancelled: "info",
  released: "info",
};

interface RunningParts extends AttemptLogsParts {
  readonly context: HandlerContext;
  readonly registry: () => Registry | undefined;
}

class RunningAttempt implements LineSink {
  readonly #parts: RunningParts;
  readonly #startedAt = performance.now();
  #sensitive: SensitiveValues | undefined;
  /** Milliseconds; undefined while the handler runs. */
  duration: number | undefined;
  hasThrown = false;
  thrown: unknown;

  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  async run(next: RunNext): Promise<unknown> {
    try {
      return await next();
    } catch (error) {
      this.hasThrown = true;
      this.thrown = error;
      throw error;
    } finally {
      this.duration = Math.round((performance.now() - this.#startedAt) * 10) / 10;
    }
  }

  /** Collected from the data when they are first needed. */
  get sensitive(): SensitiveValues {
    const { context, registry } = this.#parts;
    this.#sensitive ??= new SensitiveValues(registry()?.get(context.job.messageType), context.data);
    return this.#sensitive;
  }

  write(level: LineLevel, fields: object, message: string): void {
    const { logger, context, intoJobs } = this.#parts;
    if (!logger.isOn(level)) return;
    const masked = this.sensitive.fields(fields);
    const text = this.sensitive.text(String(message));
    logger.write(level, { ...masked, ...jobFields(context.job) }, text);
    if (intoJobs) context.log(jobLine(level, text, masked));
  }
}

function jobFields({ id, messageType, queue, attempt, userId }: AttemptInfo): object {
  return { job: id, message: messageType, queue, attempt, ...(userId !== undefined && { user: userId }) };
}

function jobLine(level: LineLevel, text: string, fields: object): string {
  const line = level === "info" ? text : `${level}: ${text}`;
  try {
    return Object.keys(fields).length === 0 ? line : `${line} ${JSON.stringify(fields)}`;
  } catch {
    return line;
  }
}

function describe(
  { job, outcome, retryDelay }: SettledAttempt,
  { duration, error }: { readonly duration: number | undefined; readonly error: ErrorFields | undefined },
): string {
  const { messageType, attempt, maxAttempts } = job;
  const time = duration === undefined ? "" : ` after ${readable(duration)}`;
  const reason = error ? `: ${shorten(oneLine(error.message), MAX_REASON)}` : "";
  switch (outcome) {
    case "completed":
      return `Completed ${messageType}${time.replace(" after", " in")}.`;
    case "retrying": {
      const next = retryDelay === undefined ? "" : ` Next attempt in ${readable(retryDelay)}.`;
      return `Attempt ${attempt} of ${maxAttempts} of ${messageType} failed${time}${sentence(reason)}${next}`;
    }
    case "failed":
      return `${messageType} failed for good${time}, in attempt ${attempt} of ${maxAttempts}${sentence(reason)}`;
    case "cancelled":
      return `${messageType} was cancelled${time}${sentence(reason)}`;
    case "released":
      return `${messageType} was given back${time}. The attempt doesn't count.`;
  }
}

function sentence(reason: string): string {
  return /[.!?…]$/.test(reason) ? reason : `${reason}.`;
}

function readable(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${(milliseconds / 1_000).toFixed(1).replace(".0", "")} s`;
  if (milliseconds < 7_200_000) return `${Math.round(milliseconds / 60_000)} min`;
  return `${Math.round(milliseconds / 3_600_000)} h`;
}
