import fc from "fast-check";
import type { EventSelector } from "../../engine/events.ts";
import { JOB_STATES } from "../../engine/state-machine.ts";
import type { ClaimDraft, Command, EventFilterDraft, FilterDraft, JobDraft } from "./command.ts";

/**
 * Random commands, weighted so that jobs interact: few queues, few keys, dependencies mostly on recent jobs, and leases
 * and delays short enough to expire.
 */

const QUEUES = 2;

/** Small numbers far more often than large ones: the newest job, the latest lease. */
const recent = fc.oneof(
  { weight: 6, arbitrary: fc.nat(3) },
  { weight: 3, arbitrary: fc.nat(12) },
  { weight: 1, arbitrary: fc.nat(200) },
);
const queue = fc.nat(QUEUES - 1);
const delay = fc.constantFrom(0, 0, 0, 20, 500);
/** A value once in `times`, otherwise `null`. */
const onceIn = <T>(times: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

const policy = fc.constantFrom("cancel", "run", "hold" as const);

const dependency = fc.record({
  on: fc.oneof(
    { weight: 24, arbitrary: fc.constant("earlier" as const) },
    { weight: 4, arbitrary: fc.constant("batch" as const) },
    { weight: 1, arbitrary: fc.constant("nowhere" as const) },
  ),
  index: recent,
  onFailure: policy,
});

const draft: fc.Arbitrary<JobDraft> = fc.record({
  repeat: onceIn(15, recent),
  queue,
  messageType: fc.nat(1),
  priority: fc.constantFrom(0, 0, 0, 1, 5),
  delay,
  maxStalls: fc.constantFrom(1, 2, 3),
  retain: fc.constantFrom("long", "long", "few", "short", "none" as const),
  dependsOn: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(dependency, { minLength: 1, maxLength: 3 }) },
  ),
  ordering: onceIn(
    2,
    fc.record({ key: fc.nat(1), onFailure: fc.constantFrom("continue", "continue", "hold" as const) }),
  ),
  dedupe: onceIn(6, fc.record({ key: fc.nat(2), window: fc.constantFrom(50, 1_000) })),
  search: onceIn(3, fc.nat(2)),
});

/** Many dependents of one job, more than one step may decide. */
const fan = fc
  .tuple(recent, fc.array(fc.tuple(draft, policy), { minLength: 7, maxLength: 14 }))
  .map(([index, drafts]) =>
    drafts.map(
      ([each, onFailure]): JobDraft => ({
        ...each,
        dependsOn: [{ on: "earlier", index, onFailure }],
        ordering: null,
        dedupe: null,
      }),
    ),
  );

const batch = fc.oneof(
  { weight: 18, arbitrary: fc.array(draft, { minLength: 1, maxLength: 1 }) },
  { weight: 6, arbitrary: fc.array(draft, { minLength: 2, maxLength: 4 }) },
  { weight: 1, arbitrary: fan },
);

const lease = fc.constantFrom(50, 400, 400, 5_000);

const claim: fc.Arbitrary<ClaimDraft> = fc.record({
  queues: fc.constantFrom([0, 1], [1, 0], [0], [1]),
  limit: fc.integer({ min: 1, max: 6 }),
  lease,
  run: fc.constantFrom(1, 2, 3, 10),
  handles: fc.constantFrom(null, null, [0], [0], [1], [0, 1]),
});

/** Mostly the latest leases, sometimes an old one, an epoch that is off by one, or another claim's token. */
const held = {
  lease: recent,
  skew: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, -1, 1),
  isForeign: onceIn(20, fc.constant(true)).map((isForeign) => isForeign ?? false),
};

const outcome = fc.record({
  ...held,
  type: fc.constantFrom("complete", "complete", "complete", "retry", "fail", "fail", "cancel" as const),
  delay,
  group: fc.constantFrom(null, 0, 0, 1, 2),
});

/** In any order, or oldest lease first, like a worker that ends the jobs of a run. */
const outcomes = fc
  .tuple(fc.array(outcome, { minLength: 0, maxLength: 6 }), fc.boolean())
  .map(([list, isInOrder]) => (isInOrder ? list.toSorted((a, b) => b.lease - a.lease) : list));

const jobs = fc.array(recent, { minLength: 1, maxLength: 3 });
/** Few jobs have failed, so try many. */
const manyJobs = fc.array(recent, { minLength: 1, maxLength: 12 });
const on = <Name extends Command["do"]>(name: Name) => fc.constant(name);

const filter: fc.Arbitrary<FilterDraft> = fc.record({
  queue: onceIn(3, queue),
  states: onceIn(2, fc.subarray([...JOB_STATES])),
  messageType: onceIn(4, fc.nat(1)),
  user: onceIn(4, queue),
  ordering: onceIn(3, fc.nat(1)),
  hasEnded: onceIn(6, fc.constant(true)).map((hasEnded) => hasEnded ?? false),
  search: onceIn(3, fc.nat(2)),
});

const SELECTORS: readonly EventSelector[] = [...JOB_STATES, "progress"];

/** Of everything, or with conditions that seldom select nothing. */
const eventFilter: fc.Arbitrary<EventFilterDraft> = fc.record({
  types: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.constant(["requeued"] as const) },
    { weight: 3, arbitrary: fc.subarray([...SELECTORS, "requeued" as const]) },
  ),
  queues: onceIn(4, fc.constantFrom([0], [1], [0, 1], [7])),
  messages: onceIn(4, fc.constantFrom([0], [1], [0, 1])),
  jobs: onceIn(3, fc.array(fc.oneof(recent, fc.integer({ min: -20, max: -1 })), { maxLength: 20 })),
  detail: fc.boolean(),
});

const worker = fc.nat(1);
/** Rarely more than an engine keeps. */
const beat = fc.record({ worker, running: fc.constantFrom(0, 1, 2, 2, 120) });

/** One random command. */
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 28,
    arbitrary: fc.record({ do: on("send"), batches: fc.array(batch, { minLength: 1, maxLength: 2 }) }),
  },
  { weight: 20, arbitrary: fc.record({ do: on("claim"), claim }) },
  {
    weight: 28,
    arbitrary: fc.record({
      do: on("settle"),
      outcomes,
      claim: onceIn(3, claim),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: on("extend"),
      leases: fc.array(fc.record({ ...held, progress: fc.nat(9) }), { minLength: 1, maxLength: 4 }),
      lease,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: on("release"),
      releases: fc.array(fc.record({ ...held, delay, bounce: fc.boolean() }), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: on("recover"), beat: fc.option(beat, { freq: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ do: on("cancel"), jobs }) },
  { weight: 8, arbitrary: fc.record({ do: on("retry"), jobs: manyJobs }) },
  { weight: 2, arbitrary: fc.record({ do: on("remove"), jobs, force: fc.constant(false) }) },
  { weight: 2, arbitrary: fc.record({ do: on("remove"), jobs, force: fc.constant(true) }) },
  { weight: 3, arbitrary: fc.record({ do: on("promote"), jobs: manyJobs }) },
  { weight: 1, arbitrary: fc.record({ do: on("pause"), queue }) },
  { weight: 3, arbitrary: fc.record({ do: on("resume"), queue }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: on("clean"),
      state: fc.constantFrom("completed", "failed", "cancelled", "queued", "scheduled", "blocked" as const),
      queue: onceIn(2, queue),
      olderThan: fc.constantFrom(0, 100),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: on("forget"), groups: fc.array(fc.nat(2), { maxLength: 2 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: on("matching"),
      operation: fc.constantFrom("retry", "retry", "cancel", "promote", "remove" as const),
      filter,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: on("list"), filter, limit: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 6, arbitrary: fc.record({ do: on("subscribe"), filter: eventFilter }) },
  { weight: 1, arbitrary: fc.record({ do: on("unsubscribe"), subscription: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: on("register"),
      worker: fc.record({ worker, handles: fc.subarray([0, 1]), uptime: fc.constantFrom(0, 500) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: on("unregister"), worker }) },
  { weight: 2, arbitrary: fc.record({ do: on("waiting"), queues: fc.subarray([0, 1]) }) },
  {
    weight: 12,
    arbitrary: fc.record({ do: on("elapse"), milliseconds: fc.constantFrom(1, 10, 60, 60, 450, 1_100) }),
  },
  // A worker without a beat is alive for 30 s.
  { weight: 2, arbitrary: fc.record({ do: on("elapse"), milliseconds: fc.constantFrom(16_000, 30_000) }) },
);

/** A sequence of exactly `length` commands. */
export function commandSequence(length: number): fc.Arbitrary<readonly Command[]> {
  return fc.noShrink(fc.array(command, { minLength: length, maxLength: length }));
}
