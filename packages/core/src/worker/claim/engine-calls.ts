import type {
  AttemptOutcome,
  ClaimedJob,
  ClaimReply,
  ClaimRequest,
  EngineCore,
  HandledMessage,
  Release,
  SettleReply,
} from "../../engine/core.ts";
import { type Deadline, ENGINE_TIMEOUT } from "../../timing/deadline.ts";
import type { QueueRotation } from "./queue-rotation.ts";

export interface EngineCallsParts {
  readonly engine: EngineCore;
  readonly deadline: Deadline;
  readonly queues: QueueRotation;
  /** What the worker can run; absent where the engine can't select. */
  readonly handles: readonly HandledMessage[] | undefined;
  /** Milliseconds. */
  readonly lease: number;
}

/** What a call claims. */
export interface ClaimLimits {
  readonly limit: number;
  /** Most jobs of one ordering key. */
  readonly run: number;
}

/** The calls that claim jobs and settle them, limited in time. */
export class EngineCalls {
  readonly #parts: EngineCallsParts;
  readonly #timeout: number;
  /** A claim that is answered after its time, or after the stop: nothing of it will run here. */
  readonly #releaseLate = (claimed: readonly ClaimedJob[]) => {
    if (claimed.length === 0) return;
    const releases = claimed.map(({ id, epoch, token }) => ({ id, epoch, token, delay: 0, bounce: false }));
    // When this fails, the leases run out.
    this.#parts.engine.release(releases).catch(() => undefined);
  };
  readonly #onLateClaim = ({ jobs }: ClaimReply) => this.#releaseLate(jobs);
  readonly #onLateSettle = ({ claimed }: SettleReply) => this.#releaseLate(claimed);

  constructor(parts: EngineCallsParts) {
    this.#parts = parts;
    // Jobs of a claim that takes longer than their lease are no longer this worker's.
    this.#timeout = Math.min(parts.lease, ENGINE_TIMEOUT);
  }

  /** Settles and claims in one call. With neither, none is made. */
  settle(outcomes: readonly AttemptOutcome[], limits: ClaimLimits): Promise<SettleReply> {
    const { engine, deadline } = this.#parts;
    const claim = this.#toRequest(limits);
    if (outcomes.length === 0) return this.#claim(claim);
    const call = engine.settle({ outcomes, ...(claim && { claim }) });
    return deadline.limit(call, this.#timeout, this.#onLateSettle);
  }

  release(releases: readonly Release[]): Promise<void> {
    return this.#parts.deadline.limit(this.#parts.engine.release(releases), this.#timeout);
  }

  async #claim(claim: ClaimRequest | undefined): Promise<SettleReply> {
    const { engine, deadline } = this.#parts;
    if (!claim) return { verdicts: [], claimed: [], paused: [] };
    const { jobs, ...rest } = await deadline.limit(engine.claim(claim), this.#timeout, this.#onLateClaim);
    return { verdicts: [], claimed: jobs, paused: [], ...rest };
  }

  #toRequest({ limit, run }: ClaimLimits): ClaimRequest | undefined {
    if (limit === 0) return undefined;
    const { queues, lease, handles } = this.#parts;
    return { queues: queues.next(), limit, lease, ...(run > 1 && { run }), ...(handles && { handles }) };
  }
}
