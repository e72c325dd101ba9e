import type { JobState } from "@org/queue";
import type { PublicJob } from "./public-job.ts";
import type { WireError } from "./refusals.ts";

/** Grows when a client of an older version couldn't go on. It then gets `OUTDATED_CLIENT`. */
export const PROTOCOL_VERSION = 1;

/** Most interests of one request. */
export const MAX_INTERESTS = 1_000;
/** Most jobs that one list has. */
export const MAX_LISTED = 100;

type Json = string | number | boolean | null;

/** The newest jobs of a list, by one or more conditions that must all hold. */
export interface JobListInterest {
  readonly kind: "jobs";
  /** Jobs of a user; `"me"` is the viewer. @default "me", unless `authorize` allows all */
  readonly user?: string;
  readonly orderingKey?: string;
  readonly message?: string;
  readonly states?: readonly JobState[];
  /** 1 to `MAX_LISTED`. @default 20 */
  readonly limit?: number;
}

/** The rows of a status table that have these values. */
export interface StatusListInterest {
  readonly kind: "statuses";
  /** The name under which the routes were given its store. */
  readonly table: string;
  readonly where?: Readonly<Record<string, Json | readonly Json[]>>;
  /** 1 to `MAX_LISTED`. @default 50 */
  readonly limit?: number;
}

/** Something that a client follows. */
export type Interest =
  | { readonly kind: "job"; readonly id: string }
  | JobListInterest
  | { readonly kind: "status"; readonly table: string; readonly key: Readonly<Record<string, Json>> }
  | StatusListInterest
  | { readonly kind: "stats" }
  | { readonly kind: "health" };

/** The body of `POST read` and `POST stream`: what is followed, and what of it the client has already. */
export interface ReadRequest {
  readonly protocol: number;
  /** At most `MAX_INTERESTS`. */
  readonly interests: readonly Interest[];
  /** By interest: the version that the client has, or `null`. */
  readonly known: readonly (string | null)[];
  /** Versions of jobs that lists have brought, by id. */
  readonly knownJobs?: Readonly<Record<string, string>>;
}

/** The newest state of something followed. Versions are opaque: the same one means the same value. */
export type Change =
  /** Of the interest at this index. The value of a job is its `PublicJob`, or `null` if there is none (or none for this viewer). */
  | { readonly at: number; readonly version: string; readonly value: unknown }
  /** Of the interest at this index: it was refused, or can't be read for now. */
  | { readonly at: number; readonly error: WireError }
  /** Of a job of a list. It comes before the list that names it. */
  | { readonly job: string; readonly version: string; readonly value: PublicJob | null };

/** The value of a list of jobs. The jobs come as changes of their own. */
export interface JobListValue {
  readonly ids: readonly string[];
  /** Whether there are more than were asked for. */
  readonly hasMore: boolean;
}

/** The answer of `POST read`: what differs from what the client has. */
export interface ReadReply {
  /** Opaque; the same for all requests of one user. Tabs share only under the same one. */
  readonly viewer: string;
  readonly changes: readonly Change[];
}

/**
 * The events of `POST stream`, in this order: `hello`; any number of `changes`, the first ones being what differs from
 * what the client has; `ready` once these are through; later changes. `renew` says that the stream is about to end: open
 * the next, and leave this one once that has begun.
 */
export type StreamEvent =
  | {
      readonly event: "hello";
      readonly data: {
        readonly viewer: string;
        /** Milliseconds. Nothing for twice as long means that the connection is dead. */
        readonly heartbeat: number;
      };
    }
  | { readonly event: "changes"; readonly data: readonly Change[] }
  | { readonly event: "ready"; readonly data: Readonly<Record<string, never>> }
  | { readonly event: "renew"; readonly data: Readonly<Record<string, never>> };
