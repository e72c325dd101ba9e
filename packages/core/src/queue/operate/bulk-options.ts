import * as z from "zod/mini";
import { cancelReason } from "../queue-options.ts";

/** What an operation by filter takes. */
export interface BulkOptions {
  /** Jobs per step, 1 to 1,000. @default 500 */
  readonly limit?: number | undefined;
  /** From the step before, of the same filter. */
  readonly cursor?: string | undefined;
}

/** What `cancelMatching` takes. */
export interface BulkCancelOptions extends BulkOptions {
  /** As of `cancel`. */
  readonly reason?: string | undefined;
}

/** What `removeMatching` takes. */
export interface BulkRemoveOptions extends BulkOptions {
  /** Removes active jobs too: their handlers are told to stop, and what they return is ignored. @default false */
  readonly force?: boolean | undefined;
}

const shape = {
  limit: z._default(z.int().check(z.minimum(1), z.maximum(1_000)), 500),
  cursor: z.optional(z.string().check(z.minLength(1))),
};

export const bulkSchema = z.strictObject(shape);

export const bulkCancelSchema = z.strictObject({ ...shape, reason: cancelReason });

export const bulkRemoveSchema = z.strictObject({ ...shape, force: z._default(z.boolean(), false) });
