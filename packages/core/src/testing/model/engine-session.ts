import type { AttemptOutcome, ClaimedJob, ClaimRequest, Lease } from "../../engine/core.ts";
import type { CompleteEngine } from "../../engine/engine.ts";
import type { EngineEvent } from "../../engine/events.ts";
import type { FailureGroupRecord } from "../../engine/failure-groups.ts";
import type { JobEdges } from "../../engine/inspect.ts";
import type { JobRecord, JobSummary, NewJob } from "../../engine/job.ts";
import type { JobFilter } from "../../engine/job-filter.ts";
import type { CleanRequest, RemoveOptions } from "../../engine/operate.ts";
import { isTerminal } from "../../engine/state-machine.ts";
import type { HistoryEntry, Operation, Snapshot } from "../invariants/history.ts";
import type { ClaimDraft, Command, JobDraft, LeaseDraft, OutcomeDraft, Reference } from "./command.ts";
import {
  errorOf,
  groupOf,
  messageName,
  queueName,
  toEventFilter,
  toJobFilter,
  toNewJob,
} from "./drafted-job.ts";
import { comparableWorkers, toWorkerBeat, toWorkerRecord, workerId } from "./drafted-worker.ts";
import { engineText, payloadText } from "./hostile-input.ts";
import { ReferenceTable } from "./reference-table.ts";
import { SessionSubscriptions } from "./session-subscriptions.ts";

export interface EngineSessionOptions {
  readonly engine: CompleteEngine;
  /** Advances the engine's clock. */
  elapse(milliseconds: number): Promise<void>;
  /** Called with every history entry, and every event. Without it, the session subscribes only as commands say. */
  record?(entry: HistoryEntry): void;
  /**
   * Resolves once subscribers were called for all that has happened. @default events are delivered before the call that
   * caused them resolves
   */
  delivered?(): Promise<void>;
}

const BY = "session";

/**
 * Executes commands on an engine and records the history. Returns the engine's replies as plain JSON, to compare with
 * another engine's replies to the same commands.
 */
export class EngineSession {
  readonly #options: EngineSessionOptions;
  readonly #engine: CompleteEngine;
  readonly #references = new ReferenceTable();
  readonly #subscriptions: SessionSubscriptions;
  #logged = 0;

  private constructor(options: EngineSessionOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#subscriptions = new SessionSubscriptions(options.engine.events);
  }

  /** Starts a session on an empty engine. */
  static async open(options: EngineSessionOptions): Promise<EngineSession> {
    const { engine, record } = options;
    if (record) await engine.events.subscribe({ onEvent: (event) => record({ type: "event", event }) });
    return new EngineSession(options);
  }

  /** Executes a sequence, and returns it with its jobs and leases by name, so that it can be shortened. */
  async executeAndResolve(commands: readonly Command[]): Promise<readonly Command[]> {
    const named: Command[] = [];
    for (const command of commands) {
      named.push(this.#references.concrete(command));
      await this.execute(command);
    }
    return named;
  }

  async execute(command: Command): Promise<unknown> {
    switch (command.do) {
      case "send":
        return this.#send(command.batches);
      case "claim":
        return this.#claim(command.claim);
      case "settle":
        return this.#settle(command.outcomes, command.claim);
      case "extend": {
        const leases = this.#held(command.leases, ({ progress }) =>
          progress === undefined
            ? {}
            : {
                progress: payloadText(String(progress)),
                logs: [{ at: ++this.#logged, message: engineText(progress) }],
              },
        );
        return this.#engine.core.extend({ leases, lease: command.lease });
      }
      case "release":
        return this.#engine.core.release(
          this.#held(command.releases, ({ delay, bounce }) => ({ delay, bounce })),
        );
      case "recover": {
        // When there is something to do is each engine's own guess.
        const { beat } = command;
        const { nextIn: _, ...report } = await this.#engine.core.recover(
          beat ? { beat: toWorkerBeat(beat.worker, beat.running) } : {},
        );
        return report;
      }
      case "cancel":
      case "retry":
      case "promote":
        return this.#operate(command.do, command.jobs);
      case "remove":
        if (!command.force) return this.#operate("remove", command.jobs);
        return this.#operateOn(
          "remove",
          idsOf(command.jobs, (job) => this.#references.held(job)),
          {
            force: true,
          },
        );
      case "pause":
      case "resume":
        return this.#engine.queues[command.do](queueName(command.queue));
      case "clean":
        return this.#clean({
          state: command.state,
          olderThan: command.olderThan,
          limit: command.limit,
          ...(command.queue !== null && { queue: queueName(command.queue) }),
        });
      case "forget":
        return this.#engine.operate.forgetFailureGroups(
          command.groups.map((group) => groupOf(group).fingerprint),
        );
      case "matching":
        return this.#operateMatching(command.operation, toJobFilter(command.filter), command.limit);
      case "list":
        return this.#list(toJobFilter(command.filter), command.limit);
      case "subscribe": {
        const { jobs } = command.filter;
        const ids = jobs && idsOf(jobs, (job) => this.#references.watched(job));
        return this.#subscriptions.add(toEventFilter(command.filter, ids));
      }
      case "unsubscribe":
        return this.#subscriptions.end(command.subscription);
      case "register":
        return this.#engine.workers.register(toWorkerRecord(command.worker));
      case "unregister":
        return this.#engine.workers.unregister(workerId(command.worker));
      case "waiting":
        return this.#waiting(command.queues.map(queueName));
      case "elapse":
        return this.#options.elapse(command.milliseconds);
    }
  }

  /** Records and returns everything that is stored. */
  async snapshot(isDrained = false): Promise<Snapshot> {
    const jobs: JobRecord[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await this.#engine.inspect.list({
        fields: "full",
        limit: 500,
        ...(cursor !== undefined && { cursor }),
      });
      jobs.push(...page.jobs);
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    const edges: Record<string, JobEdges> = Object.create(null);
    const found = await this.#engine.inspect.edges(jobs.map(({ id }) => ({ id })));
    for (const [index, { id }] of jobs.entries()) edges[id] = found[index]!;
    const snapshot: Snapshot = {
      type: "snapshot",
      jobs,
      counts: await this.#engine.queues.counts(),
      edges,
      eventsAreComplete: true,
      isDrained,
    };
    this.#options.record?.(snapshot);
    return snapshot;
  }

  /** What is counted of failure groups. Their order depends on the engine's clock. */
  async failureGroups(): Promise<readonly FailureGroupRecord[]> {
    const { groups } = await this.#engine.inspect.failureGroups({ limit: 100 });
    return groups.toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  }

  /** What each of the open subscriptions has received since the last call. */
  async events(): Promise<readonly (readonly EngineEvent[])[]> {
    if (!this.#subscriptions.isEmpty) await this.#options.delivered?.();
    return this.#subscriptions.take();
  }

  /** The workers that are alive. */
  async workers(): Promise<readonly unknown[]> {
    return comparableWorkers(await this.#engine.workers.list());
  }

  /** The queues with jobs that wait. Which of their messages are named is each engine's own. */
  async #waiting(queues: readonly string[]): Promise<readonly string[]> {
    const waiting = await this.#engine.workers.waiting(queues);
    for (const { queue, message } of waiting) {
      const filter: JobFilter = { queues: [queue], messages: [message], states: ["queued"] };
      if ((await this.#list(filter, 1)).length === 0)
        throw new Error(`${message} has no queued job in ${queue}, though it is named as waiting.`);
    }
    return queues.filter((name) => waiting.some(({ queue }) => queue === name));
  }

  async #clean(request: CleanRequest): Promise<number> {
    if (!isTerminal(request.state)) {
      // Any of them may be removed, which ends it as cancelled.
      const ids = (await this.#list({ states: [request.state] }, 500)).map(({ id }) => id);
      this.#options.record?.({ type: "operating", by: BY, operation: "remove", ids });
    }
    return this.#engine.operate.clean(request);
  }

  /** An operation on all jobs that a filter selects, in steps, by the states in which each step has listed them. */
  async #operateMatching(operation: Operation, filter: JobFilter, limit: number): Promise<unknown> {
    const steps: unknown[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await this.#engine.inspect.list({
        filter,
        fields: "summary",
        limit,
        ...(cursor !== undefined && { cursor }),
      });
      const states = [...new Set(page.jobs.map(({ state }) => state))];
      const ids = page.jobs.map(({ id }) => id);
      if (ids.length > 0) steps.push(ids, await this.#operateOn(operation, ids, { states }));
      cursor = page.cursor;
      if (cursor === undefined) return steps;
    }
  }

  /** The summaries that a filter selects, page by page. */
  async #list(filter: JobFilter, limit: number): Promise<readonly JobSummary[]> {
    const jobs: JobSummary[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await this.#engine.inspect.list({
        filter,
        fields: "summary",
        limit,
        ...(cursor !== undefined && { cursor }),
      });
      jobs.push(...page.jobs);
      cursor = page.cursor;
      if (cursor === undefined) return jobs;
    }
  }

  /** How jobs that are gone ended, as far as the engine remembers. */
  async remembered(): Promise<unknown> {
    const { ids } = this.#references;
    const endings = await this.#engine.inspect.remembered(ids.map((id) => ({ id })));
    return ids.flatMap((id, index) => (endings[index] ? [{ id, ...endings[index] }] : []));
  }

  /** Completes everything that can run. What is left waits for an operator. */
  async drain(): Promise<Snapshot> {
    for (const queue of [0, 1]) await this.#engine.queues.resume(queueName(queue));
    for (;;) {
      await this.#options.elapse(10_000);
      await this.#engine.core.recover();
      const claimed = await this.#claim({ queues: [0, 1], limit: 100, lease: 60_000, run: 5, handles: null });
      if (claimed.length === 0) return this.snapshot(true);
      await this.#settleAll(claimed.map(({ id, epoch, token }) => ({ id, epoch, token, type: "complete" })));
    }
  }

  /** Retries all failed jobs once, like an operator. Returns their number. */
  async retryFailed(): Promise<number> {
    const { jobs } = await this.#engine.inspect.list({
      filter: { states: ["failed", "cancelled"] },
      fields: "summary",
      limit: 1_000,
    });
    const ids = jobs.map(({ id }) => id);
    this.#options.record?.({ type: "operating", by: BY, operation: "retry", ids });
    await this.#engine.operate.retry(ids.map((id) => ({ id })));
    return ids.length;
  }

  async #send(batches: readonly (readonly JobDraft[])[]): Promise<unknown> {
    const jobs = batches.map((batch) => this.#drafted(batch));
    for (const batch of jobs) this.#options.record?.({ type: "sending", by: BY, jobs: batch });
    const outcomes = await this.#engine.core.enqueue(jobs.map((batch) => ({ jobs: batch })));
    outcomes.forEach((outcome, index) => {
      if (!outcome.ok) return;
      const requested = jobs[index]!.map(({ envelope }) => envelope.id);
      this.#options.record?.({ type: "sent", by: BY, requested, jobs: outcome.jobs });
      for (const { id, created } of outcome.jobs) if (created) this.#references.ids.push(id);
    });
    return outcomes;
  }

  #drafted(batch: readonly JobDraft[]): readonly NewJob[] {
    const ids = this.#references.name(batch);
    return batch.map((draft, index) => {
      const id = ids[index]!;
      const job = toNewJob(draft, id, (dependency) => this.#references.dependency(dependency, ids));
      return this.#references.use(id) ? { ...job, hasNewId: true } : job;
    });
  }

  async #claim(draft: ClaimDraft): Promise<readonly ClaimedJob[]> {
    return this.#claimed((await this.#engine.core.claim(claimRequest(draft))).jobs);
  }

  #claimed(claimed: readonly ClaimedJob[]): readonly ClaimedJob[] {
    this.#references.leases.push(...claimed.map(({ id, epoch, token }) => ({ id, epoch, token })));
    const jobs = claimed.map(({ id, epoch, envelope, attempt, follows }) => ({
      id,
      epoch,
      data: envelope.data,
      attempt,
      ...(follows !== undefined && { follows }),
    }));
    this.#options.record?.({ type: "claimed", by: BY, jobs });
    return claimed;
  }

  async #settle(drafts: readonly OutcomeDraft[], claim: ClaimDraft | null): Promise<unknown> {
    return this.#settleAll(
      this.#held(drafts, ({ type, delay, group }, { id, epoch }) => {
        if (type === "complete") return { type, result: payloadText(`${id} ${epoch}`) };
        const error = errorOf(type);
        if (type === "cancel") return { type, error };
        const failure = { error, ...(typeof group === "number" && { group: groupOf(group) }) };
        return type === "retry" ? { type, delay, ...failure } : { type, ...failure };
      }),
      claim ? claimRequest(claim) : undefined,
    );
  }

  async #settleAll(outcomes: readonly AttemptOutcome[], claim?: ClaimRequest): Promise<unknown> {
    // When to claim again is each engine's own guess.
    const { nextIn: _, ...reply } = await this.#engine.core.settle({ outcomes, ...(claim && { claim }) });
    outcomes.forEach(({ id, epoch, type }, index) => {
      const verdict = reply.verdicts[index]!;
      this.#options.record?.({ type: "settled", by: BY, id, epoch, outcome: type, verdict });
    });
    if (claim) this.#claimed(reply.claimed);
    return reply;
  }

  #operate(operation: Operation, references: readonly Reference[]): Promise<unknown> {
    return this.#operateOn(
      operation,
      idsOf(references, (job) => this.#references.job(job)),
    );
  }

  async #operateOn(operation: Operation, ids: readonly string[], options?: RemoveOptions): Promise<unknown> {
    const keys = ids.map((id) => ({ id }));
    this.#options.record?.({ type: "operating", by: BY, operation, ids });
    const outcomes =
      operation === "cancel"
        ? await this.#engine.operate.cancel(keys, "stop", options)
        : await this.#engine.operate[operation](keys, options);
    outcomes.forEach((outcome, index) => {
      this.#options.record?.({ type: "operated", by: BY, operation, id: ids[index]!, outcome });
    });
    return outcomes;
  }

  #held<D extends LeaseDraft, T>(
    drafts: readonly D[],
    rest: (draft: D, lease: Lease) => T,
  ): readonly (Lease & T)[] {
    return drafts.flatMap((draft) => {
      const lease = this.#references.lease(draft);
      return lease ? [{ ...lease, ...rest(draft, lease) }] : [];
    });
  }
}

function idsOf(
  references: readonly Reference[],
  resolve: (reference: Reference) => string | undefined,
): readonly string[] {
  return references.flatMap((reference) => resolve(reference) ?? []);
}

function claimRequest({ queues, limit, lease, run, handles }: ClaimDraft): ClaimRequest {
  return {
    queues: queues.map(queueName),
    limit,
    lease,
    run,
    ...(handles && { handles: handles.map((index) => ({ message: messageName(index), version: 1 })) }),
  };
}
