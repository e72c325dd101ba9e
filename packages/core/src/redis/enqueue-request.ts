import type { EnqueueBatch, EnqueuedJob, EnqueueOutcome, NewJob } from "../engine/port.ts";
import { encodeExtras, encodePlain, encodeStamp, flagsOf } from "./job-value.ts";
import { profileText, sharesProfile } from "./profiles.ts";

type Argument = string | number;

/** Neighbouring plain jobs of one profile. They may be of several batches: none of them can be refused. */
interface PlainGroup {
  readonly jobs: NewJob[];
}

/** A batch with any other job in it. */
interface BatchGroup {
  readonly batch: EnqueueBatch;
}

/** Batches as the arguments of one call of `lua/enqueue.lua`, and its answer as their outcomes. */
export class EnqueueRequest {
  readonly #batches: readonly EnqueueBatch[];
  readonly #groups: (PlainGroup | BatchGroup)[] = [];

  constructor(batches: readonly EnqueueBatch[]) {
    this.#batches = batches;
    let plain: PlainGroup | undefined;
    for (const batch of batches) {
      if (!batch.jobs.every(isPlain)) {
        this.#groups.push({ batch });
        plain = undefined;
        continue;
      }
      for (const job of batch.jobs) {
        if (!plain || !sharesProfile(plain.jobs[0]!, job)) {
          plain = { jobs: [] };
          this.#groups.push(plain);
        }
        plain.jobs.push(job);
      }
    }
  }

  /** The script's arguments, after the number of tombstones. */
  args(tombstones: number): readonly Argument[] {
    const profiles = new Map<string, number>();
    const args: Argument[] = [];
    const profileOf = (job: NewJob): number => {
      const text = profileText(job);
      const known = profiles.get(text);
      if (known !== undefined) return known;
      profiles.set(text, profiles.size + 1);
      return profiles.size;
    };
    for (const group of this.#groups) {
      if ("batch" in group) addBatch(args, group.batch.jobs, profileOf);
      else addPlain(args, group.jobs, profileOf);
    }
    return [tombstones, profiles.size, ...profiles.keys(), ...args];
  }

  /** What became of each batch. */
  outcomes(reply: unknown): readonly EnqueueOutcome[] {
    const replies = reply as readonly (readonly Argument[])[];
    const plainJobs = this.#plainOutcomes(replies);
    const refusable = this.#groups.flatMap((group, index) => ("batch" in group ? [replies[index]!] : []));
    return this.#batches.map((batch) => {
      if (!batch.jobs.every(isPlain)) return batchOutcome(refusable.shift()!);
      return { ok: true, jobs: batch.jobs.map(() => plainJobs.next().value!) };
    });
  }

  /** Of all plain jobs, in their order. */
  *#plainOutcomes(replies: readonly (readonly Argument[])[]): Generator<EnqueuedJob, undefined> {
    for (const [index, group] of this.#groups.entries()) {
      if ("batch" in group) continue;
      const known = new Set(replies[index]);
      for (const [place, { envelope }] of group.jobs.entries()) {
        yield { id: envelope.id, created: known.size === 0 || !known.has(place + 1) };
      }
    }
    return undefined;
  }
}

/** Whether a job waits for nothing and refers to nothing: most do. */
function isPlain({ dependsOn, delay, priority, ordering, dedupe }: NewJob): boolean {
  return dependsOn.length === 0 && delay === 0 && priority === 0 && !ordering && !dedupe;
}

function addPlain(args: Argument[], jobs: readonly NewJob[], profileOf: (job: NewJob) => number): void {
  const [first] = jobs;
  args.push("plain", profileOf(first!), first!.queue, jobs.length);
  for (const job of jobs) args.push(job.envelope.id, encodePlain(job));
}

function addBatch(args: Argument[], jobs: readonly NewJob[], profileOf: (job: NewJob) => number): void {
  args.push("batch", jobs.length, mayCycle(jobs) ? "1" : "");
  for (const job of jobs) {
    const { envelope, delay, dedupe } = job;
    args.push(envelope.id, profileOf(job), encodeStamp(envelope.timestamp), flagsOf(job), encodeExtras(job));
    args.push(envelope.data, delay, dedupe?.key ?? "", dedupe?.window ?? 0);
  }
}

/**
 * Only a reference to a later job of the batch, or to itself, can close a cycle; or one to a job that turns out
 * to be a repeat of another.
 */
function mayCycle(jobs: readonly NewJob[]): boolean {
  const place = new Map(jobs.map(({ envelope }, index) => [envelope.id, index]));
  const hasRepeats = jobs.some(({ dedupe }) => dedupe !== undefined);
  return jobs.some(({ dependsOn }, index) =>
    dependsOn.some(({ job }) => {
      const target = place.get(job);
      return target !== undefined && (target >= index || hasRepeats);
    }),
  );
}

function batchOutcome([kind, ...rest]: readonly Argument[]): EnqueueOutcome {
  const ids = rest as readonly string[];
  if (kind === "missing") return { ok: false, reason: "dependency-not-found", missing: ids };
  if (kind === "cycle") return { ok: false, reason: "dependency-cycle", cycle: ids };
  const jobs: EnqueuedJob[] = [];
  for (let index = 0; index < rest.length; index += 2) {
    jobs.push({ id: String(rest[index]), created: rest[index + 1] === 1 });
  }
  return { ok: true, jobs };
}
