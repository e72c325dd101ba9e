import { publicError } from "@org/queue";
import { REFUSALS, type RefusalCode, type WireError } from "../protocol/refusals.ts";

/** A request that the adapter itself refuses. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;

  constructor(code: RefusalCode) {
    super(REFUSALS[code].message);
    this.code = code;
  }
}

export interface DescribedError {
  /** Of the HTTP response. */
  readonly status: number;
  readonly error: WireError;
}

/** What a client may see of anything that was thrown. Never throws. */
export function describeError(thrown: unknown): DescribedError {
  if (thrown instanceof Refusal) {
    const { status, message } = REFUSALS[thrown.code];
    return { status, error: { code: thrown.code, message } };
  }
  const { status, ...error } = publicError(thrown);
  return { status, error };
}

/**
 * Rethrows what `redirect()`, `notFound()` and their like of Next.js throw: these aren't errors. They carry a digest, and
 * no import of Next.js is needed to see it.
 */
export function rethrowNextSignal(thrown: unknown): void {
  if (typeof thrown !== "object" || thrown === null || !("digest" in thrown)) return;
  const { digest } = thrown;
  if (typeof digest === "string" && /^(NEXT_|BAILOUT_|DYNAMIC_)/.test(digest)) throw thrown;
}
