import type { WireError } from "../protocol/refusals.ts";

/** What a server action returns: it never throws for what went wrong. */
export type ActionResult<Data> =
  | { readonly success: true; readonly data: Data }
  | { readonly success: false; readonly error: WireError };
