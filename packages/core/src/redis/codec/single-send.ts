import { createHash } from "node:crypto";
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
  const { profileId, profile } = cachedProfile(job);
  const value = encodeHeader(job) + data;
  return [profileId, profile, job.queue, `${messageType} sent`, id, value, job.hasNewId ? "" : "given"];
}

let last: { readonly job: NewJob; readonly profileId: string; readonly profile: string } | undefined;

/** Consecutive jobs often share their profile, whose text takes longer than all else here. */
function cachedProfile(job: NewJob): NonNullable<typeof last> {
  if (last === undefined || !sharesProfile(last.job, job)) {
    const profile = profileText(job);
    last = { job, profileId: profileIdOf(profile), profile };
  }
  return last;
}

/** As `intern` in `lua/enqueue.lua` makes it of a profile's text, where no other profile's hash begins the same. */
function profileIdOf(profile: string): string {
  return createHash("sha1").update(profile).digest("hex").slice(0, 10);
}
