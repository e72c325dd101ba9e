import { createHash } from "node:crypto";
import type { EnqueueBatch } from "../../engine/core.ts";
import type { NewJob } from "../../engine/job.ts";
import { isPlain } from "./enqueue-request.ts";
import { encodeHeader } from "./job-value.ts";
import { profileText, sharesProfile } from "./profiles.ts";

/** Length of most profiles' ids. `lua/enqueue.lua` makes a longer one where two profiles would share it. */
const PROFILE_ID_LENGTH = 10;

/** The job that `lua/send.lua` can store, if that is what the batches contain. */
export function singlePlainJob(batches: readonly EnqueueBatch[]): NewJob | undefined {
  if (batches.length !== 1 || batches[0]!.jobs.length !== 1) return undefined;
  const [job] = batches[0]!.jobs;
  return isPlain(job!) && !job!.search ? job : undefined;
}

/** The arguments of `lua/send.lua`, from the profile's id on. */
export function singleSendArgs(job: NewJob): readonly string[] {
  const { id: profileId, text } = profileOf(job);
  const { id, messageType, data } = job.envelope;
  return [profileId, text, job.queue, `${messageType} sent`, id, encodeHeader(job) + data];
}

let last: { readonly job: NewJob; readonly id: string; readonly text: string } | undefined;

/** Cached: consecutive jobs often share their profile, whose text and hash take longer than all else here. */
function profileOf(job: NewJob): { readonly id: string; readonly text: string } {
  if (last === undefined || !sharesProfile(last.job, job)) {
    const text = profileText(job);
    const id = createHash("sha1").update(text).digest("hex").slice(0, PROFILE_ID_LENGTH);
    last = { job, id, text };
  }
  return last;
}
