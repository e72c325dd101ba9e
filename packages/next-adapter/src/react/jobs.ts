import type { Message } from "@org/queue";
import { useRef } from "react";
import type { LiveStore } from "../client/live-store.ts";
import type { Interest, JobListInterest } from "../protocol/interests.ts";
import type { PublicJob } from "../protocol/public-job.ts";
import { type LiveOptions, type LiveResult, useCall, useLive } from "./use-live.ts";

export interface JobOptions<Value> extends LiveOptions<Value> {
  /** Called once the job has ended: completed, failed or cancelled. */
  readonly onComplete?: ((job: Value) => void) | undefined;
}

export interface JobLive<M extends Message> extends LiveResult {
  /** `undefined` until it is known; `null` if there is none, or none for this user. */
  readonly job: PublicJob<M> | null | undefined;
}

export interface JobsLive<M extends Message> extends LiveResult {
  /** The newest first; with `ids` in their order, without those that aren't stored. */
  readonly jobs: readonly PublicJob<M>[];
}

/** Which jobs: of ids, or the newest of a list. */
export type JobsQuery = { readonly ids: readonly string[] } | Omit<JobListInterest, "kind">;

const TERMINAL: readonly string[] = ["completed", "failed", "cancelled"];
const NONE: readonly never[] = Object.freeze([]);

/**
 * Follows a job. `null`: none yet.
 *
 * @example
 * const { job, loading } = useJob(jobId);
 * return loading ? <Spinner /> : <p>{job?.state ?? "unknown"}</p>;
 */
export function useJob<M extends Message = Message>(
  id: string | null | undefined,
  options: JobOptions<PublicJob<M>> = {},
): JobLive<M> {
  const { value: job, ...rest } = useLive<PublicJob<M> | null>(
    toInterests(id ? [id] : []),
    options,
    (store) => peekJob(store, id!),
  );
  useCall(options.onComplete, job && TERMINAL.includes(job.state) ? job : undefined);
  return { job, ...rest };
}

/**
 * Follows several jobs: those of `ids`, or a list by user, ordering key, message and states. `null`: none.
 *
 * @example
 * const { jobs } = useJobs({ user: "me", states: ["queued", "active"] });
 */
export function useJobs<M extends Message = Message>(
  query: JobsQuery | null,
  options: LiveOptions<readonly PublicJob<M>[]> = {},
): JobsLive<M> {
  const previous = useRef<readonly PublicJob<M>[]>(NONE);
  const { value: jobs = NONE, ...rest } = useLive<readonly PublicJob<M>[]>(
    query === null ? NONE : "ids" in query ? toInterests(query.ids) : [{ kind: "jobs", ...query }],
    options,
    (store) => {
      if (query === null) return undefined;
      if (!("ids" in query)) return store.peekJobs({ kind: "jobs", ...query }) as readonly PublicJob<M>[];
      const found = query.ids.map((id) => peekJob<M>(store, id));
      // While none is known, the first render isn't an empty list.
      if (query.ids.length > 0 && found.every((job) => job === undefined)) return undefined;
      previous.current = keepSame(previous.current, found.filter(isJob));
      return previous.current;
    },
  );
  return { jobs, ...rest };
}

function toInterests(ids: readonly string[]): readonly Interest[] {
  return ids.map((id) => ({ kind: "job", id }));
}

/** A job that is being sent is shown before the server knows it. */
function peekJob<M extends Message>(store: LiveStore, id: string): PublicJob<M> | null | undefined {
  const { value } = store.peek({ kind: "job", id });
  return (value ?? store.pendingJob(id) ?? value) as PublicJob<M> | null | undefined;
}

function isJob<Job>(job: Job | null | undefined): job is Job {
  return job !== null && job !== undefined;
}

function keepSame<Job>(before: readonly Job[], now: readonly Job[]): readonly Job[] {
  return before.length === now.length && now.every((job, index) => job === before[index]) ? before : now;
}
