import { describe, expect, test } from "vitest";
import type { EngineEvent } from "../src/engine/events.ts";
import type { JobEdges } from "../src/engine/inspect.ts";
import type { JobRecord } from "../src/engine/job.ts";
import { JOB_STATES, type JobState } from "../src/engine/state-machine.ts";
import { type JobSpec, newJob } from "../src/testing/conformance/index.ts";
import { HistoryChecker, type HistoryEntry, mergeHistories, RULES } from "../src/testing/invariants/index.ts";

// Each rule is tested with a history that breaks it, because a checker that notices nothing proves nothing.

const by = "test";

function sent(...specs: readonly JobSpec[]): readonly HistoryEntry[] {
  const jobs = specs.map(newJob);
  const ids = jobs.map(({ envelope }) => envelope.id);
  return [
    { type: "sending", by, jobs },
    { type: "sent", by, requested: ids, jobs: ids.map((id) => ({ id, created: true })) },
  ];
}

function event(id: string, type: EngineEvent["type"], epoch = 0): HistoryEntry {
  return { type: "event", event: { type, id, queue: "jobs", messageType: "TEST_MESSAGE", epoch, at: 0 } };
}

const claimed = (id: string, epoch: number): HistoryEntry => ({
  type: "claimed",
  by,
  jobs: [{ id, epoch, data: "{}", attempt: 1 }],
});

/** A run of these jobs. */
const run = (...ids: readonly string[]): HistoryEntry => ({
  type: "claimed",
  by,
  jobs: ids.map((id, index) => ({
    id,
    epoch: 1,
    data: "{}",
    attempt: 1,
    ...(index > 0 && { follows: ids[index - 1]! }),
  })),
});

const settled = (id: string, epoch: number, outcome: "complete" | "fail" | "retry"): HistoryEntry => ({
  type: "settled",
  by,
  id,
  epoch,
  outcome,
  verdict: "accepted",
});

function record(id: string, state: JobState, more: Partial<JobRecord> = {}): JobRecord {
  const { envelope, queue, priority, maxAttempts } = newJob({ id });
  const isEnded = state === "completed" || state === "failed" || state === "cancelled";
  return {
    id,
    envelope,
    queue,
    state,
    priority,
    epoch: 0,
    attempt: 0,
    maxAttempts,
    stalls: 0,
    bounces: 0,
    dependsOn: [],
    cancelRequested: false,
    createdAt: 0,
    failures: [],
    logs: [],
    ...(isEnded && { finishedAt: 10 }),
    ...((state === "failed" || state === "cancelled") && { error: "{}" }),
    ...(state === "scheduled" && { runAt: 10 }),
    ...more,
  };
}

interface Seen {
  readonly jobs: readonly JobRecord[];
  readonly edges?: Readonly<Record<string, JobEdges>>;
  readonly miscounted?: JobState;
  readonly isDrained?: boolean;
  readonly eventsAreComplete?: boolean;
}

function snapshot({
  jobs,
  edges = {},
  miscounted,
  isDrained = false,
  eventsAreComplete = false,
}: Seen): HistoryEntry {
  const tally = (state: JobState) =>
    jobs.filter((job) => job.state === state).length + (state === miscounted ? 1 : 0);
  const states = Object.fromEntries(JOB_STATES.map((state) => [state, tally(state)])) as Record<
    JobState,
    number
  >;
  const counts = [{ queue: "jobs", paused: false, states }];
  return { type: "snapshot", jobs, counts, edges, eventsAreComplete, isDrained };
}

const waitingFor = (...jobs: readonly string[]): JobEdges => ({
  dependencies: jobs.map((job) => ({ job, onFailure: "hold", state: "blocked", pending: true })),
  dependents: [],
  dependentCount: 0,
});

function brokenRules(history: readonly HistoryEntry[]): readonly string[] {
  const checker = new HistoryChecker();
  for (const entry of history) checker.observe(entry);
  return [...new Set(checker.violations.map(({ rule }) => rule))];
}

const BREAKS: Readonly<Record<string, Readonly<Record<string, readonly HistoryEntry[]>>>> = {
  "nothing acknowledged is lost": {
    "a job is gone": [...sent({ id: "a" }), snapshot({ jobs: [] })],
    "a removed job is back": [
      ...sent({ id: "a" }),
      { type: "operating", by, operation: "remove", ids: ["a"] },
      { type: "operated", by, operation: "remove", id: "a", outcome: "removed" },
      snapshot({ jobs: [record("a", "cancelled")] }),
    ],
    "a completed job runs again": [
      ...sent({ id: "a" }),
      claimed("a", 1),
      settled("a", 1, "complete"),
      snapshot({ jobs: [record("a", "queued", { epoch: 1 })] }),
    ],
    "an ended job is open again though nobody retried it": [
      ...sent({ id: "a" }),
      claimed("a", 1),
      settled("a", 1, "fail"),
      snapshot({ jobs: [record("a", "queued", { epoch: 1 })] }),
    ],
  },
  "nothing is invented": {
    "a claim": [claimed("ghost", 1)],
    "an event": [event("ghost", "queued")],
    "a record": [snapshot({ jobs: [record("ghost", "queued")] })],
    "another payload": [...sent({ id: "a", data: "1" }), claimed("a", 1)],
    "another priority": [...sent({ id: "a" }), snapshot({ jobs: [record("a", "queued", { priority: 3 })] })],
  },
  "one accepted ending per job and opening": {
    "two for one epoch": [
      ...sent({ id: "a" }),
      claimed("a", 1),
      settled("a", 1, "retry"),
      settled("a", 1, "fail"),
    ],
    "one for an epoch that nobody had": [...sent({ id: "a" }), settled("a", 1, "complete")],
    "two for one opening": [
      ...sent({ id: "a" }),
      claimed("a", 1),
      settled("a", 1, "fail"),
      claimed("a", 2),
      settled("a", 2, "fail"),
      snapshot({ jobs: [record("a", "failed", { epoch: 2 })] }),
    ],
  },
  "epochs only grow": {
    "two claims of one epoch": [...sent({ id: "a" }), claimed("a", 1), claimed("a", 1)],
    "a smaller one": [...sent({ id: "a" }), event("a", "queued", 2), event("a", "active", 1)],
    "a claim without a new one": [...sent({ id: "a" }), event("a", "queued", 1), event("a", "active", 1)],
    "a record behind a claim": [
      ...sent({ id: "a" }),
      claimed("a", 2),
      snapshot({ jobs: [record("a", "queued", { epoch: 1 })] }),
    ],
  },
  "every transition is in the table": {
    "from completed to queued": [
      ...sent({ id: "a" }),
      event("a", "queued"),
      event("a", "active", 1),
      event("a", "completed", 1),
      event("a", "queued", 1),
    ],
    "one that wasn't announced": [
      ...sent({ id: "a" }),
      event("a", "queued"),
      snapshot({ jobs: [record("a", "cancelled")], eventsAreComplete: true }),
    ],
  },
  "no dependent starts early": {
    "while the other is queued": [
      ...sent({ id: "a" }, { id: "b", dependsOn: ["a"] }),
      event("a", "queued"),
      event("b", "queued"),
      event("b", "active", 1),
    ],
    "after the other failed": [
      ...sent({ id: "a" }, { id: "b", dependsOn: ["a"] }),
      event("a", "queued"),
      event("a", "active", 1),
      event("a", "failed", 1),
      event("b", "queued"),
      event("b", "active", 1),
    ],
    "by the engine's instants": [
      ...sent({ id: "a" }, { id: "b", dependsOn: ["a"] }),
      snapshot({
        jobs: [
          record("b", "active", {
            epoch: 1,
            attempt: 1,
            startedAt: 5,
            dependsOn: [{ job: "a", onFailure: "cancel" }],
          }),
          record("a", "completed"),
        ],
      }),
    ],
    "blocked for no reason": [
      ...sent({ id: "a" }),
      snapshot({ jobs: [record("a", "blocked")], edges: { a: waitingFor() } }),
    ],
    "let go with a pending edge": [
      ...sent({ id: "a" }, { id: "b" }),
      snapshot({ jobs: [record("b", "queued"), record("a", "queued")], edges: { b: waitingFor("a") } }),
    ],
  },
  "ordering keys keep their order": {
    "two at a time": [
      ...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" }),
      event("a", "queued"),
      event("b", "queued"),
    ],
    "out of order": [
      ...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" }),
      event("a", "blocked"),
      event("b", "queued"),
    ],
    "past a failed job that holds the key": [
      ...sent({ id: "a", orderingKey: "k", onOrderingFailure: "hold" }, { id: "b", orderingKey: "k" }),
      event("a", "queued"),
      event("b", "blocked"),
      event("a", "active", 1),
      event("a", "failed", 1),
      event("b", "queued"),
    ],
    "two in a snapshot": [
      ...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" }),
      snapshot({
        jobs: [record("b", "queued", { orderingKey: "k" }), record("a", "queued", { orderingKey: "k" })],
      }),
    ],
  },
  "runs of a key keep their order": {
    "the later first": [...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" }), run("b", "a")],
    "of two keys": [...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "l" }), run("a", "b")],
    "without the one ahead": [
      ...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" }),
      { type: "claimed", by, jobs: [{ id: "b", epoch: 1, data: "{}", attempt: 1, follows: "a" }] },
    ],
    "a follower that ends first": [
      ...sent({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" }),
      run("a", "b"),
      settled("b", 1, "complete"),
    ],
  },
  "claims follow priority and send order": {
    "the less urgent first": [
      ...sent({ id: "a", priority: 5 }, { id: "b", priority: 1 }),
      { type: "claimed", by, jobs: ["a", "b"].map((id) => ({ id, epoch: 1, data: "{}", attempt: 1 })) },
    ],
    "the later first": [
      ...sent({ id: "a" }, { id: "b" }),
      { type: "claimed", by, jobs: ["b", "a"].map((id) => ({ id, epoch: 1, data: "{}", attempt: 1 })) },
    ],
  },
  "no job is cancelled without a cause": {
    "out of the blue": [...sent({ id: "a" }), event("a", "queued"), event("a", "cancelled")],
    "a holder": [
      ...sent({ id: "a" }, { id: "b", dependsOn: [{ job: "a", onFailure: "hold" }] }),
      event("a", "queued"),
      event("b", "blocked"),
      event("a", "active", 1),
      event("a", "failed", 1),
      event("b", "cancelled"),
    ],
  },
  "records are consistent": {
    "ended without an instant": [
      ...sent({ id: "a" }),
      snapshot({ jobs: [{ ...record("a", "completed"), finishedAt: undefined } as never] }),
    ],
    "active without a claim": [...sent({ id: "a" }), snapshot({ jobs: [record("a", "active")] })],
    "stalled more than allowed": [
      ...sent({ id: "a", maxStalls: 2 }),
      snapshot({ jobs: [record("a", "queued", { stalls: 2 })] }),
    ],
  },
  "counts match list": {
    "one too many": [...sent({ id: "a" }), snapshot({ jobs: [record("a", "queued")], miscounted: "queued" })],
    "listed twice": [
      ...sent({ id: "a" }),
      snapshot({ jobs: [record("a", "queued"), record("a", "queued")] }),
    ],
  },
  "no job waits for itself": {
    "through another": [
      ...sent({ id: "a" }, { id: "b" }),
      snapshot({
        jobs: [record("b", "blocked"), record("a", "blocked")],
        edges: { a: waitingFor("b"), b: { ...waitingFor(), behind: "a" } },
      }),
    ],
  },
  "every job ends eventually": {
    "still queued": [...sent({ id: "a" }), snapshot({ jobs: [record("a", "queued")], isDrained: true })],
    "waiting for one that is gone": [
      ...sent({ id: "a" }, { id: "b" }),
      { type: "operating", by, operation: "remove", ids: ["b"] },
      snapshot({ jobs: [record("a", "blocked")], edges: { a: waitingFor("b") }, isDrained: true }),
    ],
  },
};

describe("the invariant checker", () => {
  test("is tested with a broken history for each rule", () => {
    expect(Object.keys(BREAKS).sort()).toEqual(RULES.map(({ name }) => name).sort());
  });

  for (const [rule, histories] of Object.entries(BREAKS)) {
    test.each(Object.keys(histories))(`${rule}: %s`, (name) => {
      expect(brokenRules(histories[name]!)).toContain(rule);
    });
  }

  test("accepts a correct history", () => {
    const edges: JobEdges = {
      dependencies: [{ job: "a", onFailure: "cancel", state: "active", pending: true }],
      dependents: [],
      dependentCount: 0,
    };
    const dependsOn = [{ job: "a", onFailure: "cancel" }] as const;
    expect(
      brokenRules([
        ...sent({ id: "a" }, { id: "b", dependsOn: ["a"] }),
        event("a", "queued"),
        event("b", "blocked"),
        event("a", "active", 1),
        claimed("a", 1),
        snapshot({
          jobs: [
            record("b", "blocked", { dependsOn }),
            record("a", "active", { epoch: 1, attempt: 1, startedAt: 5 }),
          ],
          edges: { b: edges },
          eventsAreComplete: true,
        }),
        event("a", "completed", 1),
        event("b", "queued"),
        settled("a", 1, "complete"),
        event("b", "active", 1),
        claimed("b", 1),
        event("b", "completed", 1),
        settled("b", 1, "complete"),
        snapshot({
          jobs: [
            record("b", "completed", { epoch: 1, attempt: 1, startedAt: 10, finishedAt: 12, dependsOn }),
            record("a", "completed", { epoch: 1, attempt: 1, startedAt: 5 }),
          ],
          eventsAreComplete: true,
          isDrained: true,
        }),
      ]),
    ).toEqual([]);
  });

  test("accepts a run, whatever the priorities of its jobs, and progress of a reserved job", () => {
    expect(
      brokenRules([
        ...sent({ id: "a", orderingKey: "k", priority: 5 }, { id: "b", orderingKey: "k" }),
        event("a", "queued"),
        event("b", "blocked"),
        event("a", "active", 1),
        run("a", "b"),
        event("b", "progress", 1),
        event("a", "completed", 1),
        event("b", "active", 1),
        event("b", "completed", 1),
        settled("a", 1, "complete"),
        settled("b", 1, "complete"),
      ]),
    ).toEqual([]);
  });

  test("accepts merged histories, however their steps interleaved", () => {
    const producer = sent({ id: "a" });
    const first = [claimed("a", 1), settled("a", 1, "retry")];
    const second = [claimed("a", 2), settled("a", 2, "complete")];
    const observer = [snapshot({ jobs: [record("a", "completed", { epoch: 2, attempt: 2, startedAt: 5 })] })];
    const parts = [observer, second, first, producer];
    expect(brokenRules(mergeHistories(parts))).toEqual([]);
    expect(brokenRules(mergeHistories([...parts, [claimed("a", 1)]]))).toEqual(["epochs only grow"]);
  });
});
