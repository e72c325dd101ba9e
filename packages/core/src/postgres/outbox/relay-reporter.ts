import { isQueueError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import type { Logger } from "../../logging/logger.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { quoteName } from "../column-names.ts";
import type { Refusal } from "./relay-turn.ts";

/** A job that the relay hasn't been able to move for some time. It goes on trying. */
export interface OutboxProblem {
  readonly jobId: string;
  /** `undefined` when what the table holds isn't a job. */
  readonly messageType: string | undefined;
  readonly queue: string | undefined;
  /** Why the engine reportRefusal it the last time. */
  readonly error: string;
  readonly tries: number;
  /** When it was sent. */
  readonly sentAt: Date;
}

const RETRY_BACKOFF = { first: 100, max: 2_000 };

/** With pauses that double from 50 ms: the try some six seconds after the first one. */
const FIRST_REPORTED_TRY = 8;
/** From here on the tries are half a minute apart. */
const FIRST_STEADY_TRY = 11;

interface RelayReporterParts {
  /** Where the outbox is. */
  readonly schema: string;
  readonly logger: Logger;
  readonly onProblem: ((problem: OutboxProblem) => void) | undefined;
}

/** What a relay tells people: each trouble when it begins and ends, and of a job that is stuck every minute. */
export class RelayReporter {
  readonly #parts: RelayReporterParts;
  readonly #guard: CallbackGuard;
  #failure: { readonly kind: string; readonly failures: number } | undefined;

  constructor(parts: RelayReporterParts) {
    this.#parts = parts;
    this.#guard = new CallbackGuard(logFailure("onProblem of the outbox", () => parts.logger));
  }

  /** Notes a reportFailure turn and answers the milliseconds to wait. */
  reportFailure(error: unknown): number {
    const kind = isQueueError(error) ? error.code : messageOf(error);
    const failures = (this.#failure?.failures ?? 0) + 1;
    if (this.#failure?.kind !== kind) {
      this.#parts.logger.error(
        "The relay can't move jobs from the outbox to the engine; it goes on trying.",
        error,
      );
    }
    this.#failure = { kind, failures };
    return backoffDelay(RETRY_BACKOFF, failures);
  }

  /** Notes a turn that went well and answers whether trouble is over with it. */
  reportSuccess(): boolean {
    if (this.#failure === undefined) return false;
    this.#failure = undefined;
    this.#parts.logger.warn("The relay can move jobs from the outbox to the engine again.");
    return true;
  }

  /** Every relay may see any try, so what is told depends on the number of tries alone. */
  reportRefusal({ id, job, hasOrderingKey, error, tries, age }: Refusal): void {
    if (tries !== FIRST_REPORTED_TRY && (tries < FIRST_STEADY_TRY || (tries - FIRST_STEADY_TRY) % 2 !== 0))
      return;
    const { schema, logger, onProblem } = this.#parts;
    const sentAt = new Date(Date.now() - age);
    const { messageType } = job?.envelope ?? {};
    logger.error(
      `The job ${id}${messageType === undefined ? "" : ` (${messageType})`} is stuck in the outbox since ` +
        `${sentAt.toISOString()}, after ${tries} tries: ${error} The relay goes on trying` +
        `${hasOrderingKey ? ", and what was sent after it with its ordering key waits" : ""}. ` +
        `To give it up: delete from "${schema}".queue_outbox where id = '${id}'.`,
    );
    if (!onProblem) return;
    this.#guard.call(onProblem, { jobId: id, messageType, queue: job?.queue, error, tries, sentAt });
  }

  /** Row-level security may hide rows from the relay. */
  warnOfPolicies(role: string): void {
    const outbox = `${quoteName(this.#parts.schema)}.queue_outbox`;
    this.#parts.logger.warn(
      `Row-level security applies to ${outbox} for the relay's role ${quoteName(role)}: jobs that a policy hides from it ` +
        `stay there. Let it see all of them: alter role ${quoteName(role)} bypassrls, or: create policy relay on ` +
        `${outbox} to ${quoteName(role)} using (true).`,
    );
  }

  /** The engine or the listener was closed, or refuses for good. */
  reportGivingUp(what: string, error: unknown): void {
    this.#parts.logger.error(what, error);
  }
}
