import type { WireError } from "../protocol/refusals.ts";

/** Logs an error of the server, and answers what clients see of it. */
export type ErrorReporter = (error: unknown) => WireError;
