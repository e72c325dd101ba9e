import { isQueueError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import type { Logger } from "../../logging/logger.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { quoteName } from "../column-names.ts";
import type { Refusal } from "./relay-turn.ts";

/** A job that the relay hasn't been able to move for some time. The relay keeps trying. */
export interface OutboxProblem {
  readonly jobId: string;
  /** `undefined` if the row isn't a valid job. */
  readonly messageType: string | undefined;
  readonly queue: string | undefined;
  /** Why the engine refused it the last time. */
  readonly error: string;
  readonly tries: number;
  /** When the job was sent. */
  readonly sentAt: Date;
}

const RETRY_BACKOFF = { first: 100, max: 2_000 };

/** With pauses that double from 50 ms, this try comes about six seconds after the first. */
const FIRST_REPORTED_TRY = 8;
/** From this try on, tries are half a minute apart. */
const FIRST_STEADY_TRY = 11;

interface RelayReporterParts {
  /** The schema of the outbox. */
  readonly schema: string;
  readonly logger: Logger;
  readonly onProblem: ((problem: OutboxProblem) => void) | undefined;
}

/** Logs when failures of a relay begin and end, and reports stuck jobs every minute. */
export class RelayReporter {
  readonly #parts: RelayReporterParts;
  readonly #guard: CallbackGuard;
  #failure: { readonly kind: string; readonly failures: number } | undefined;

  constructor(parts: RelayReporterParts) {
    this.#parts = parts;
    this.#guard = new CallbackGuard(logFailure("onProblem of the outbox", () => parts.logger));
  }

  /** Records a failed turn and returns the milliseconds to wait. */
  reportFailure(error: unknown): number {
    const kind = isQueueError(error) ? error.code : messageOf(error);
    const failures = (this.#failure?.failures ?? 0) + 1;
    if (this.#failure?.kind !== kind) {
      this.#parts.logger.error(
        "The relay can't move jobs from the outbox to the engine. It keeps trying.",
        error,
      );
    }
    this.#failure = { kind, failures };
    return backoffDelay(RETRY_BACKOFF, failures);
  }

  /** Records a successful turn and returns whether it ends a series of failures. */
  reportSuccess(): boolean {
    if (this.#failure === undefined) return false;
    this.#failure = undefined;
    this.#parts.logger.warn("The relay can move jobs from the outbox to the engine again.");
    return true;
  }

  /** Any relay may see any try, so what to report depends only on the number of tries. */
  reportRefusal({ id, job, hasOrderingKey, error, tries, age }: Refusal): void {
    if (tries !== FIRST_REPORTED_TRY && (tries < FIRST_STEADY_TRY || (tries - FIRST_STEADY_TRY) % 2 !== 0))
      return;
    const { schema, logger, onProblem } = this.#parts;
    const sentAt = new Date(Date.now() - age);
    const { messageType } = job?.envelope ?? {};
    logger.error(
      `The job ${id}${messageType === undefined ? "" : ` (${messageType})`} has been stuck in the outbox since ` +
        `${sentAt.toISOString()}, after ${tries} tries: ${error} The relay keeps trying` +
        `${hasOrderingKey ? ", and later jobs with its ordering key wait" : ""}. ` +
        `To drop it, run: delete from "${schema}".queue_outbox where id = '${id}'.`,
    );
    if (!onProblem) return;
    this.#guard.call(onProblem, { jobId: id, messageType, queue: job?.queue, error, tries, sentAt });
  }

  /** Warns that row-level security may hide rows from the relay. */
  warnOfPolicies(role: string): void {
    const outbox = `${quoteName(this.#parts.schema)}.queue_outbox`;
    this.#parts.logger.warn(
      `Row-level security applies to ${outbox} for the relay's role ${quoteName(role)}. Jobs that a policy hides from it ` +
        `stay there. To show it all rows, run: alter role ${quoteName(role)} bypassrls, or: create policy relay on ` +
        `${outbox} to ${quoteName(role)} using (true).`,
    );
  }

  /** Logs that the engine or the listener was closed, or fails permanently. */
  reportGivingUp(what: string, error: unknown): void {
    this.#parts.logger.error(what, error);
  }
}
