import { type BatchJob, orderBatch } from "../engine/batch-order.ts";
import type { EnqueueBatch, EnqueuedJob, EnqueueOutcome } from "../engine/core.ts";
import type { Dependency, NewJob } from "../engine/job.ts";

/** What the engine already knows, as far as a batch's plan depends on it. */
export interface KnownJobs {
  /** Whether the id is stored, or remembered by a tombstone. */
  isKnown(id: string): boolean;
  /** The message of a known job. */
  messageOf(id: string): string | undefined;
  /** The id that a dedupe key stands for now. */
  dedupedTo(key: string): string | undefined;
}

export type BatchPlan =
  | { readonly ok: true; readonly create: readonly BatchJob[]; readonly jobs: readonly EnqueuedJob[] }
  | Extract<EnqueueOutcome, { ok: false }>;

/**
 * Decides what a batch would do, changing nothing: which jobs are new, which stand for an earlier one, and
 * whether it must be refused.
 */
export function planBatch({ jobs }: EnqueueBatch, known: KnownJobs): BatchPlan {
  const [only] = jobs;
  if (jobs.length === 1 && only && only.dependsOn.length === 0 && !only.dedupe) return planOne(only, known);
  const fresh = new Map<string, NewJob>();
  const aliases = new Map<string, string>();
  const dedupe = new Map<string, string>();
  let inUse: BatchPlan | undefined;
  const enqueued = jobs.map((spec): EnqueuedJob => {
    const { id } = spec.envelope;
    const key = spec.dedupe?.key;
    const isRepeat = fresh.has(id) || known.isKnown(id);
    const first = isRepeat || key === undefined ? undefined : (dedupe.get(key) ?? known.dedupedTo(key));
    if (isRepeat) {
      inUse ??= idInUse(spec, fresh.get(id)?.envelope.messageType ?? known.messageOf(id));
      return { id, created: false };
    }
    if (first !== undefined) {
      aliases.set(id, first);
      return { id: first, created: false };
    }
    if (key !== undefined) dedupe.set(key, id);
    fresh.set(id, spec);
    return { id, created: true };
  });

  if (inUse) return inUse;

  const create: BatchJob[] = [];
  const missing = new Set<string>();
  for (const spec of fresh.values()) {
    const dependsOn = spec.dependsOn.length === 0 ? spec.dependsOn : resolve(spec.dependsOn, aliases);
    for (const { job } of dependsOn) if (!fresh.has(job) && !known.isKnown(job)) missing.add(job);
    create.push({ spec, dependsOn });
  }
  if (missing.size > 0) return { ok: false, reason: "dependency-not-found", missing: [...missing] };
  const order = orderBatch(create);
  if (!order.ok) return { ok: false, reason: "dependency-cycle", cycle: order.cycle };
  return { ok: true, create, jobs: enqueued };
}

/** Nearly every batch: one job that refers to no other. */
function planOne(spec: NewJob, known: KnownJobs): BatchPlan {
  const { id } = spec.envelope;
  if (!known.isKnown(id)) {
    return { ok: true, create: [{ spec, dependsOn: spec.dependsOn }], jobs: [{ id, created: true }] };
  }
  return idInUse(spec, known.messageOf(id)) ?? { ok: true, create: [], jobs: [{ id, created: false }] };
}

/** The refusal of a job whose id a job of another message has. */
function idInUse({ envelope }: NewJob, messageType: string | undefined): BatchPlan | undefined {
  if (messageType === undefined || messageType === envelope.messageType) return undefined;
  return { ok: false, reason: "id-in-use", id: envelope.id, messageType };
}

/** References to deduplicated jobs become their first job's id; of several to one job the first stands. */
function resolve(dependsOn: readonly Dependency[], aliases: Map<string, string>): readonly Dependency[] {
  const resolved = new Map<string, Dependency>();
  for (const { job, onFailure } of dependsOn) {
    const id = aliases.get(job) ?? job;
    if (!resolved.has(id)) resolved.set(id, { job: id, onFailure });
  }
  return [...resolved.values()];
}
