import type { EnqueueBatch } from "../../engine/core.ts";
import type { NewJob } from "../../engine/job.ts";
import { isPlain } from "./enqueue-request.ts";
import { encodeHeader } from "./job-value.ts";
import { profileText, sharesProfile } from "./profiles.ts";

/** The job that `lua/send.lua` can store, if that is what the batches contain. */
export function singlePlainJob(batches: readonly EnqueueBatch[]): NewJob | undefined {
  if (batches.length !== 1 || batches[0]!.jobs.length !== 1) return undefined;
  const [job] = batches[0]!.jobs;
  return isPlain(job!) && !job!.search ? job : undefined;
}

/** The arguments of `lua/send.lua`, from the profile on. */
export function singleSendArgs(job: NewJob): readonly string[] {
  const { id, messageType, data } = job.envelope;
  const value = encodeHeader(job) + data;
  return [cachedProfileText(job), job.queue, `${messageType} sent`, id, value, job.hasNewId ? "" : "given"];
}

let last: { readonly job: NewJob; readonly text: string } | undefined;

/** Consecutive jobs often share their profile, whose text takes longer than all else here. */
function cachedProfileText(job: NewJob): string {
  if (last === undefined || !sharesProfile(last.job, job)) last = { job, text: profileText(job) };
  return last.text;
}
