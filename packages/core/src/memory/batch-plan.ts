import type { Dependency, EnqueueBatch, EnqueuedJob, EnqueueOutcome, NewJob } from "../engine/port.ts";

/** What the engine already knows, as far as a batch's plan depends on it. */
export interface KnownJobs {
  /** Whether the id is stored, or remembered by a tombstone. */
  isKnown(id: string): boolean;
  /** The id that a dedupe key stands for now. */
  dedupedTo(key: string): string | undefined;
}

export interface PlannedJob {
  readonly spec: NewJob;
  readonly dependsOn: readonly Dependency[];
}

export type BatchPlan =
  | { readonly ok: true; readonly create: readonly PlannedJob[]; readonly jobs: readonly EnqueuedJob[] }
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
  const enqueued = jobs.map((spec): EnqueuedJob => {
    const { id } = spec.envelope;
    const key = spec.dedupe?.key;
    const isRepeat = fresh.has(id) || known.isKnown(id);
    const first = isRepeat || key === undefined ? undefined : (dedupe.get(key) ?? known.dedupedTo(key));
    if (isRepeat) return { id, created: false };
    if (first !== undefined) {
      aliases.set(id, first);
      return { id: first, created: false };
    }
    if (key !== undefined) dedupe.set(key, id);
    fresh.set(id, spec);
    return { id, created: true };
  });

  const create: PlannedJob[] = [];
  const missing = new Set<string>();
  for (const spec of fresh.values()) {
    const dependsOn = spec.dependsOn.length === 0 ? spec.dependsOn : resolve(spec.dependsOn, aliases);
    for (const { job } of dependsOn) if (!fresh.has(job) && !known.isKnown(job)) missing.add(job);
    create.push({ spec, dependsOn });
  }
  if (missing.size > 0) return { ok: false, reason: "dependency-not-found", missing: [...missing] };
  const cycle = findCycle(create);
  return cycle ? { ok: false, reason: "dependency-cycle", cycle } : { ok: true, create, jobs: enqueued };
}

/** Nearly every batch: one job that refers to no other. */
function planOne(spec: NewJob, known: KnownJobs): BatchPlan {
  const { id } = spec.envelope;
  const created = !known.isKnown(id);
  return { ok: true, create: created ? [{ spec, dependsOn: spec.dependsOn }] : [], jobs: [{ id, created }] };
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

/**
 * A cycle among the batch's jobs, as ids in the order of waiting, the first repeated at the end. A job also
 * waits for the one before it with its ordering key. Only a reference to a later job can close a cycle.
 */
function findCycle(jobs: readonly PlannedJob[]): readonly string[] | undefined {
  const position = new Map(jobs.map(({ spec }, index) => [spec.envelope.id, index]));
  const waitsFor: number[][] = [];
  const lastOfKey = new Map<string, number>();
  let hasForwardReference = false;
  jobs.forEach(({ spec, dependsOn }, index) => {
    const edges: number[] = [];
    for (const { job } of dependsOn) {
      const target = position.get(job);
      if (target === undefined) continue;
      edges.push(target);
      hasForwardReference ||= target >= index;
    }
    if (spec.ordering) {
      const key = `${spec.queue}\0${spec.ordering.key}`;
      const previous = lastOfKey.get(key);
      if (previous !== undefined) edges.push(previous);
      lastOfKey.set(key, index);
    }
    waitsFor.push(edges);
  });
  if (!hasForwardReference) return undefined;
  return walkForCycle(waitsFor)?.map((index) => jobs[index]!.spec.envelope.id);
}

/** Depth first with an explicit stack: a batch may be a chain of ten thousand. */
function walkForCycle(edges: readonly (readonly number[])[]): readonly number[] | undefined {
  const done = new Set<number>();
  for (let root = 0; root < edges.length; root++) {
    const path: number[] = [root];
    const onPath = new Set(path);
    const next: number[] = [0];
    while (path.length > 0) {
      const node = path.at(-1)!;
      const target = edges[node]![next[next.length - 1]!++];
      if (target === undefined || done.has(node)) {
        done.add(node);
        onPath.delete(node);
        path.pop();
        next.pop();
      } else if (onPath.has(target)) {
        return [...path.slice(path.indexOf(target)), target];
      } else if (!done.has(target)) {
        path.push(target);
        onPath.add(target);
        next.push(0);
      }
    }
  }
  return undefined;
}
