import type { Dependency, NewJob } from "./job.ts";

/** A job of a batch. Its dependencies may differ from those it was sent with: deduplicated jobs are replaced. */
export interface BatchJob {
  readonly spec: NewJob;
  readonly dependsOn: readonly Dependency[];
}

type BatchOrder<Job> =
  | { readonly ok: true; readonly jobs: readonly Job[] }
  /** Ids in the order of waiting, the first repeated at the end. */
  | { readonly ok: false; readonly cycle: readonly string[] };

/**
 * Puts each job of a batch behind those that it waits for: what it depends on, and the one before it with its
 * ordering key. All others keep their places; a batch that is in order already is answered as it is. Ids differ.
 */
export function orderBatch<Job extends BatchJob>(jobs: readonly Job[]): BatchOrder<Job> {
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
  // Only a reference to a later job can close a cycle.
  if (!hasForwardReference) return { ok: true, jobs };
  const walk = walkInOrder(waitsFor);
  return walk.ok
    ? { ok: true, jobs: walk.order.map((index) => jobs[index]!) }
    : { ok: false, cycle: walk.cycle.map((index) => jobs[index]!.spec.envelope.id) };
}

type Walk =
  | { readonly ok: true; readonly order: readonly number[] }
  | { readonly ok: false; readonly cycle: readonly number[] };

/** Depth first with an explicit stack: a batch may be a chain of ten thousand. */
function walkInOrder(edges: readonly (readonly number[])[]): Walk {
  const done = new Set<number>();
  for (let root = 0; root < edges.length; root++) {
    if (done.has(root)) continue;
    const path: number[] = [root];
    const onPath = new Set(path);
    const next: number[] = [0];
    while (path.length > 0) {
      const node = path.at(-1)!;
      const target = edges[node]![next[next.length - 1]!++];
      if (target === undefined) {
        done.add(node);
        onPath.delete(node);
        path.pop();
        next.pop();
      } else if (onPath.has(target)) {
        return { ok: false, cycle: [...path.slice(path.indexOf(target)), target] };
      } else if (!done.has(target)) {
        path.push(target);
        onPath.add(target);
        next.push(0);
      }
    }
  }
  // A set keeps the order in which its members came: what nothing is left to wait for first.
  return { ok: true, order: [...done] };
}
