import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import type { JobEdges } from "../../engine/inspect.ts";
import type { DependencyFailurePolicy, JobKey, JobRecord } from "../../engine/job.ts";
import { isTerminal, type JobState } from "../../engine/state-machine.ts";
import { sentence } from "../../errors/sentence.ts";
import type { Coverage } from "../report/coverage.ts";
import { type JobError, readJobError } from "./job-error.ts";
import { endingText, notFound, whyGone } from "./not-found.ts";
import { readCoverage, type UnhandledReason, unhandled, wasServed } from "./unhandled.ts";

/** Why a job is in its state, and what would change it. */
export interface JobExplanation {
  readonly id: string;
  readonly state: JobState;
  /** All of it in sentences, for people. */
  readonly summary: string;
  readonly reasons: readonly StateReason[];
  /** Jobs that still wait for this one. The first hundred. */
  readonly dependents: readonly string[];
}

/** One cause of a job's state. `text` says it in a sentence. */
export type StateReason = { readonly text: string } & (
  | {
      /**
       * It runs after another job. `held`: that job ended badly, and this one waits for its retry. `undecided`: that
       * job has ended with more dependents than the engine decides in one step, and this one's turn is to come.
       */
      readonly kind: "dependency";
      readonly job: string;
      readonly state: JobState | null;
      readonly onFailure: DependencyFailurePolicy;
      readonly held: boolean;
      readonly undecided: boolean;
    }
  /** Another job has the key's turn. `held`: that job failed, and holds the key until it is retried or removed. */
  | { readonly kind: "ordering-key"; readonly key: string; readonly behind: string; readonly held: boolean }
  /**
   * No live worker of its queue handles its message in this version. Where the engine keeps no list of workers: some
   * claimed it and gave it back.
   */
  | Omit<UnhandledReason, "text">
  | { readonly kind: "scheduled"; readonly until: Date }
  | { readonly kind: "paused-queue"; readonly queue: string }
  /**
   * Ready. `active` and `queued` count its queue's jobs. `unserved`: no live worker handles it. Where the engine keeps
   * no list of workers: no job of the queue is running, and none was started for a minute at least.
   */
  | {
      readonly kind: "ready";
      readonly queue: string;
      readonly queued: number;
      readonly active: number;
      readonly unserved: boolean;
    }
  | { readonly kind: "running"; readonly since: Date; readonly cancelRequested: boolean }
  | { readonly kind: "ended"; readonly at: Date; readonly error?: JobError }
  /** It ended and was removed, by its retention or by hand: nothing else is known of it. */
  | { readonly kind: "not-kept"; readonly messageType: string }
);

/** @throws {QueueError} `JOB_NOT_FOUND`. */
export async function explain(engine: Engine, key: JobKey, now: number): Promise<JobExplanation> {
  const { id } = key;
  const [[record], [edges = null], counts] = await Promise.all([
    facetOf(engine, "inspect").get([key]),
    facetOf(engine, "inspect").edges([key]),
    facetOf(engine, "queues").counts(),
  ]);
  if (!record) return explainGone(engine, key);
  const queue = counts.find((entry) => entry.queue === record.queue);
  const { queued = 0, active = 0 } = queue?.states ?? {};
  const isReady = record.state === "queued" && !queue?.paused;
  const isHeld = edges?.behind !== undefined && (await holdsKey(engine, edges.behind, id));
  const coverage = isReady ? await readCoverage(engine, record) : undefined;
  const unserved = coverage
    ? !coverage.isHandled
    : isReady && active === 0 && !(await wasServed(engine, record.queue, now));
  const reasons = [
    ...(isTerminal(record.state) ? [] : blockers(record, edges, isHeld)),
    ...stateReasons(record, { queued, active, unserved, coverage }),
    ...unhandled(record, coverage),
  ];
  if (queue?.paused && !isTerminal(record.state) && record.state !== "active") {
    reasons.push({
      kind: "paused-queue",
      queue: record.queue,
      text:
        `The queue ${record.queue} is paused: nothing of it starts until \`queue.resume("${record.queue}")\`. ` +
        "Workers give back what they hold of it unrun within 250 ms.",
    });
  }
  return {
    id,
    state: record.state,
    summary: [
      `The job ${id} (${record.envelope.messageType}) is ${record.state}.`,
      ...reasons.map(({ text }) => text),
    ].join(" "),
    reasons,
    dependents: (edges?.dependents ?? []).filter(({ pending }) => pending).map(({ job }) => job),
  };
}

async function explainGone(engine: Engine, key: JobKey): Promise<JobExplanation> {
  const { id } = key;
  const [ending] = await facetOf(engine, "inspect").remembered([key]);
  if (!ending) throw notFound(id);
  const { state, messageType } = ending;
  const text = whyGone(state);
  return {
    id,
    state,
    summary: `The job ${id} (${messageType}) ${endingText(state)}. ${text}`,
    reasons: [{ kind: "not-kept", messageType, text }],
    dependents: [],
  };
}

function blockers(record: JobRecord, edges: JobEdges | null, isHeld: boolean): StateReason[] {
  const reasons: StateReason[] = [];
  for (const { job, state, onFailure, pending, undecided = false } of edges?.dependencies ?? []) {
    if (!pending) continue;
    const held = !undecided && (state === "failed" || state === "cancelled");
    const text = dependencyText({ job, state, onFailure, held, undecided });
    reasons.push({ kind: "dependency", job, state, onFailure, held, undecided, text });
  }
  if (edges?.behind !== undefined) {
    const key = record.orderingKey ?? "";
    const { behind } = edges;
    const text = isHeld
      ? `It is held: the job ${behind} ahead of it in the ordering key "${key}" has failed, and holds the key until ` +
        `\`queue.retry("${behind}")\` or \`queue.remove("${behind}")\`.`
      : `It waits for its turn in the ordering key "${key}": the job ${behind} is ahead of it.`;
    reasons.push({ kind: "ordering-key", key, behind, held: isHeld, text });
  }
  return reasons;
}

/** Whether a job that had the turn failed and keeps it, so that `waiting` waits for an operator. */
async function holdsKey(engine: Engine, id: string, waiting: string): Promise<boolean> {
  const [ahead] = await facetOf(engine, "inspect").get([{ id }]);
  if (ahead?.state !== "failed") return false;
  // It may have failed, and passed the turn on, since the edges were read.
  const [edges] = await facetOf(engine, "inspect").edges([{ id: waiting }], { limit: 1 });
  return edges?.behind === id;
}

type DependencyReason = Omit<Extract<StateReason, { kind: "dependency" }>, "kind" | "text">;

function dependencyText({ job, state, onFailure, held, undecided }: DependencyReason): string {
  const how = state ?? "unknown";
  if (undecided) {
    const next = state === "completed" ? "is released" : UNDECIDED_TEXT[onFailure];
    return `The job ${job} that it depends on is ${how}. Many depend on that one: this one ${next} in one of the engine's next steps.`;
  }
  if (!held) return `It waits for the job ${job}, which is ${how}${POLICY_TEXT[onFailure]}.`;
  return onFailure === "hold"
    ? `It is held: the job ${job} that it depends on is ${how}, and its policy is to wait until that job is retried and completes.`
    : `It was retried, and waits until the job ${job} that it depends on, which is ${how}, is retried and completes${POLICY_TEXT[onFailure]}.`;
}

const UNDECIDED_TEXT: Readonly<Record<DependencyFailurePolicy, string>> = {
  cancel: "is cancelled",
  run: "is released",
  hold: "is held, or cancelled if that one is gone,",
};

const POLICY_TEXT: Readonly<Record<DependencyFailurePolicy, string>> = {
  cancel: " (should that fail, this one is cancelled)",
  run: " (it runs then, whichever way that ends)",
  hold: " (should that fail, this one waits for its retry)",
};

interface QueueSituation {
  readonly queued: number;
  readonly active: number;
  readonly unserved: boolean;
  readonly coverage: Coverage | undefined;
}

function stateReasons(record: JobRecord, situation: QueueSituation): StateReason[] {
  const { state, queue, attempt, maxAttempts } = record;
  if (state === "scheduled") {
    const until = new Date(record.runAt ?? record.createdAt);
    const why = attempt > 0 ? `Attempt ${attempt} of ${maxAttempts} ended early; the next` : "It";
    return [{ kind: "scheduled", until, text: `${why} may start from ${until.toISOString()}.` }];
  }
  if (state === "queued") {
    const { queued, active, unserved } = situation;
    return [{ kind: "ready", queue, queued, active, unserved, text: readyText(record, situation) }];
  }
  if (state === "active") {
    const since = new Date(record.startedAt ?? record.createdAt);
    const { cancelRequested } = record;
    const text =
      `A worker has held it since ${since.toISOString()} (attempt ${attempt} of ${maxAttempts}).` +
      (cancelRequested ? " Its cancellation was requested: the handler is told to stop." : "");
    return [{ kind: "running", since, cancelRequested, text }];
  }
  if (!isTerminal(state)) return [];
  const at = new Date(record.finishedAt ?? record.createdAt);
  const error = record.error === undefined || state === "completed" ? undefined : readJobError(record.error);
  const text = sentence(
    `It ended at ${at.toISOString()}${error ? ` with ${error.code}: ${error.message}` : ""}`,
  );
  return [{ kind: "ended", at, ...(error && { error }), text }];
}

function readyText(
  { queue, envelope }: JobRecord,
  { queued, active, unserved, coverage }: QueueSituation,
): string {
  const place = `It is ready, one of ${queued} in the queue ${queue}`;
  if (!unserved) return `${place}, where ${active} are running: the next free worker takes it in its turn.`;
  if (coverage) return `${place}.`;
  return (
    `${place}, where no job is running and none was started for a minute or more. ` +
    `Start a worker that handles ${envelope.messageType} and serves this queue.`
  );
}
