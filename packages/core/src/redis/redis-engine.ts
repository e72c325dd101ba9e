import type { EventSubscriber } from "../engine/events.ts";
import type * as port from "../engine/port.ts";
import type { HealthReport, MetricsBucket, QueueCounts } from "../engine/reports.ts";
import { JOB_STATES } from "../engine/state-machine.ts";
import { QueueError } from "../errors/queue-error.ts";
import { randomSource } from "../errors/random-source.ts";
import { CallbackGuard, logFailure } from "../logging/callback-guard.ts";
import { consoleLogger, type Logger, safeLogger } from "../logging/logger.ts";
import { newestActive } from "./active-jobs.ts";
import { REDIS_CAPABILITIES } from "./capabilities.ts";
import { EngineChannel } from "./channels/engine-channel.ts";
import { EventFeed } from "./channels/event-feed.ts";
import { WorkWaits } from "./channels/work-waits.ts";
import { describeDamage, parseDamage } from "./codec/damage.ts";
import { EnqueueRequest, splitByEdges } from "./codec/enqueue-request.ts";
import {
  claimedJobs,
  encodeLog,
  jobRecords,
  rememberedEndings,
  type StoredParts,
} from "./codec/job-record.ts";
import { policyOf } from "./codec/job-value.ts";
import { Profiles } from "./codec/profiles.ts";
import { KEPT_MINUTES, parseCounts, parseMetrics } from "./codec/reports.ts";
import type { RedisConnection } from "./connection/connection.ts";
import type { Script } from "./connection/script.ts";
import { LostClaims } from "./lost-claims.ts";
import { scripts } from "./scripts.ts";
import { SendOrder } from "./send-order.ts";

export interface RedisEngineParts {
  readonly connection: RedisConnection;
  readonly tombstones: { readonly age: number; readonly count: number };
}

/** Jobs that one call moves in passing, so that no call takes the server long. */
const STEP = 500;
/** Jobs of one ordering key that one claim hands out, whatever it asks for. */
const LONGEST_RUN = 1_000;
/** Ids that one call operates on. */
const MOST_IDS = 500;
/** Outcomes that one call settles. */
const MAX_OUTCOMES = 2_000;
/** Dependents that `edges` names. */
const SHOWN_DEPENDENTS = 100;
/** Finished jobs that one step of `clean` looks at. */
const CLEAN_WINDOW = 1_000;
const STATUSES: readonly port.LeaseStatus[] = ["lost", "held", "cancelling"];
const OUTCOME_LETTERS = { complete: "c", retry: "r", fail: "f", cancel: "x" } as const;

/** The engine on a Redis server: each operation is one script, in `lua/`. */
export class RedisEngine implements port.Engine {
  readonly name = "redis";
  readonly capabilities: port.EngineCapabilities = REDIS_CAPABILITIES;

  readonly #connection: RedisConnection;
  readonly #tombstones: RedisEngineParts["tombstones"];
  readonly #profiles: Profiles;
  readonly #claims: LostClaims;
  readonly #sends: SendOrder;
  readonly #events: EventFeed;
  readonly #channel: EngineChannel;
  readonly #waits: WorkWaits;
  readonly #cancelListeners = new Set<port.CancelListener>();
  readonly #listenerGuard = new CallbackGuard(
    logFailure("A listener of the redis engine", () => this.#logger),
  );
  #logger = consoleLogger;
  #hasReportedMalformed = false;

  constructor({ connection, tombstones }: RedisEngineParts) {
    const name = randomSource().randomUUID().slice(0, 8);
    this.#connection = connection;
    this.#tombstones = tombstones;
    this.#profiles = new Profiles(connection);
    this.#claims = new LostClaims(connection, name, tombstones.count);
    this.#sends = new SendOrder(connection, name);
    this.#events = new EventFeed({
      connection,
      channel: "events",
      guard: this.#listenerGuard,
      onMalformed: () => this.#reportMalformed("events"),
    });
    this.#channel = new EngineChannel(connection, `wake:${name}`, {
      onWake: (queue) => this.#waits.wake(queue),
      onGap: () => this.#waits.wakeAll(),
      onCancel: (id, reason) => {
        for (const listener of this.#cancelListeners) this.#listenerGuard.call(listener, [id], reason);
      },
      onMalformed: () => this.#reportMalformed(`wake:${name}`),
    });
    this.#waits = new WorkWaits(connection, this.#channel, name);
  }

  async enqueue(batches: readonly port.EnqueueBatch[]): Promise<readonly port.EnqueueOutcome[]> {
    if (batches.length === 0) return [];
    const calls = splitByEdges(batches).map(async (some) => {
      const request = new EnqueueRequest(some);
      return request.outcomes(await this.#sends.run(request.args(this.#tombstones.count)));
    });
    return calls.length === 1 ? calls[0]! : (await Promise.all(calls)).flat();
  }

  async claim(request: port.ClaimRequest): Promise<readonly port.ClaimedJob[]> {
    const { token, reply } = await this.#claims.run((own) =>
      this.#run(scripts.claim, claimArgs(request, own)),
    );
    return this.#claimed(reply as readonly string[], token);
  }

  async settle({ outcomes, claim }: port.SettleRequest): Promise<port.SettleReply> {
    const verdicts: ("accepted" | "stale")[] = [];
    for (;;) {
      const some = outcomes.slice(verdicts.length, verdicts.length + MAX_OUTCOMES);
      const call = [this.#tombstones.count, some.length, ...outcomeArgs(some)];
      const { token, reply } =
        claim && verdicts.length + some.length === outcomes.length
          ? await this.#claims.run((own) => this.#run(scripts.settle, [...call, ...claimArgs(claim, own)]))
          : { token: "", reply: await this.#run(scripts.settle, call) };
      const [accepted, claimed, paused] = reply as readonly [
        readonly number[],
        readonly string[],
        readonly string[],
      ];
      for (const verdict of accepted) verdicts.push(verdict === 1 ? "accepted" : "stale");
      if (verdicts.length === outcomes.length) {
        return { verdicts, claimed: await this.#claimed(claimed, token), paused };
      }
    }
  }

  async #claimed(reply: readonly string[], token: string): Promise<readonly port.ClaimedJob[]> {
    const { jobs, unreadable, stranded } = await claimedJobs(reply, token, this.#profiles);
    if (unreadable.length > 0) {
      // Should this fail, their leases end, and whoever claims them then tries again.
      await this.#run(scripts.discard, [this.#tombstones.count, ...unreadable]);
      await this.release(stranded.map((lease) => ({ ...lease, delay: 0, bounce: false })));
    }
    return jobs;
  }

  async extend({ leases, lease }: port.ExtendRequest): Promise<readonly port.LeaseStatus[]> {
    const args: (string | number)[] = [Math.ceil(lease)];
    for (const { id, epoch, token, progress, logs } of leases) {
      args.push(id, epoch, token, progress ?? "", logs?.length ? JSON.stringify(logs.map(encodeLog)) : "");
    }
    const statuses = (await this.#run(scripts.extend, args)) as readonly number[];
    return statuses.map((status) => STATUSES[status]!);
  }

  async release(releases: readonly port.Release[]): Promise<void> {
    const args = releases.flatMap(({ id, epoch, token, delay, bounce }) => [
      id,
      epoch,
      token,
      Math.ceil(delay),
      bounce ? 1 : 0,
    ]);
    for (let done = 0; done < releases.length; ) {
      const some = args.slice(5 * done, 5 * (done + MOST_IDS));
      done += (await this.#run(scripts.release, [this.#tombstones.count, ...some])) as number;
    }
  }

  async recover(): Promise<port.RecoverReport> {
    const { count, age } = this.#tombstones;
    const reply = await this.#run(scripts.recover, [count, age, STEP]);
    const [requeued, stalled, promoted, trimmed, more, damage] = reply as readonly [
      number,
      number,
      number,
      number,
      number,
      readonly string[],
    ];
    if (damage.length > 0) this.#logger.error(describeDamage(parseDamage(damage)));
    return { requeued, stalled, promoted, trimmed, more: more === 1 };
  }

  cancel(ids: readonly string[], reason: string): Promise<readonly port.CancelOutcome[]> {
    return this.#operate(scripts.cancel, ids, JSON.stringify({ code: "JOB_CANCELLED", message: reason }));
  }

  retry(ids: readonly string[]): Promise<readonly port.RetryOutcome[]> {
    return this.#operate(scripts.retry, ids);
  }

  remove(ids: readonly string[]): Promise<readonly port.RemoveOutcome[]> {
    return this.#operate(scripts.remove, ids);
  }

  promote(ids: readonly string[]): Promise<readonly port.PromoteOutcome[]> {
    return this.#operate(scripts.promote, ids);
  }

  async get(ids: readonly string[]): Promise<readonly (port.JobRecord | null)[]> {
    const records: (port.JobRecord | null)[] = [];
    for (let start = 0; start < ids.length; start += MOST_IDS) {
      const some = ids.slice(start, start + MOST_IDS);
      const reply = (await this.#run(scripts.get, some)) as readonly (StoredParts | null)[];
      records.push(...(await jobRecords(some, reply, this.#profiles)));
    }
    // Events come by another connection, and may come later than this answer.
    if (records.includes(null)) await this.#events.delivered();
    return records;
  }

  async remembered(ids: readonly string[]): Promise<readonly (port.RememberedEnding | null)[]> {
    const endings: (port.RememberedEnding | null)[] = [];
    for (let start = 0; start < ids.length; start += MOST_IDS) {
      const reply = await this.#run(scripts.remembered, ids.slice(start, start + MOST_IDS));
      endings.push(...(await rememberedEndings(reply as readonly (string | null)[], this.#profiles)));
    }
    return endings;
  }

  async list(request: port.ListRequest): Promise<port.JobPage> {
    const { limit, cursor, messageType = "", queue } = request;
    const states = [...new Set(request.states ?? JOB_STATES)];
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    if (!Number.isSafeInteger(before)) {
      throw new QueueError("INVALID_OPTIONS", `"${cursor}" is no cursor of this engine.`);
    }
    const queues = queue === undefined ? [] : [queue];
    const page = (active: string) =>
      this.#run(scripts.list, [limit, before, messageType, active, states.length, ...states, ...queues]);
    let reply = await page("");
    if (typeof reply === "number") {
      const active = await newestActive(this.#connection, { before, limit: reply, queues });
      reply = await page(JSON.stringify(active));
    }
    const [last, ids, ...parts] = reply as readonly [number, readonly string[], ...StoredParts[]];
    const jobs = (await jobRecords(ids, parts, this.#profiles)).filter((job) => job !== null);
    return { jobs, ...(last > 0 && { cursor: String(last) }) };
  }

  async counts(): Promise<readonly QueueCounts[]> {
    const counts = new Map<string, QueueCounts>();
    let cursor = "0";
    do {
      const reply = await this.#run(scripts.counts, [cursor]);
      const [next, flat] = reply as readonly [string, readonly (string | number)[]];
      for (const each of parseCounts(flat)) counts.set(each.queue, each);
      cursor = next;
    } while (cursor !== "0");
    return [...counts.values()];
  }

  async metrics({ since }: { readonly since: number }): Promise<readonly MetricsBucket[]> {
    const buckets: MetricsBucket[] = [];
    let first = Math.max(0, Math.floor(since));
    do {
      const reply = await this.#run(scripts.metrics, [first, KEPT_MINUTES]);
      const [next, flat] = reply as readonly [number, readonly unknown[]];
      buckets.push(...parseMetrics(flat));
      first = next;
    } while (first > 0);
    return buckets;
  }

  async edges(id: string): Promise<port.JobEdges | null> {
    const reply = await this.#run(scripts.edges, [id, SHOWN_DEPENDENTS]);
    if (reply === null) return null;
    const [flat, dependents, behind] = reply as readonly [
      readonly (string | number)[],
      readonly string[],
      string,
    ];
    const dependencies: port.DependencyEdge[] = [];
    for (let index = 0; index < flat.length; index += 4) {
      const [job, policy, state, pending] = flat.slice(index, index + 4);
      dependencies.push({
        job: String(job),
        onFailure: policyOf(String(policy)),
        state: state === "" ? null : (state as port.JobRecord["state"]),
        pending: pending !== 0,
        ...(pending === 2 && { undecided: true as const }),
      });
    }
    return { dependencies, dependents, ...(behind !== "" && { behind }) };
  }

  async pause(queue: string): Promise<void> {
    await this.#run(scripts.pause, [queue]);
  }

  async resume(queue: string): Promise<void> {
    await this.#run(scripts.resume, [queue]);
  }

  async clean({ state, queue, olderThan, limit }: port.CleanRequest): Promise<number> {
    const queues = queue === undefined ? (await this.counts()).map((counts) => counts.queue) : [queue];
    let removed = 0;
    for (let after = 0; removed < limit && queues.length > 0; ) {
      const args = [
        this.#tombstones.count,
        state,
        Math.ceil(olderThan),
        limit - removed,
        CLEAN_WINDOW,
        after,
      ];
      const reply = await this.#run(scripts.clean, [...args, ...queues]);
      const [some, last] = reply as readonly [number, string];
      removed += some;
      if (last === "0") break;
      after = Number(last);
    }
    return removed;
  }

  waitForWork(request: port.WaitForWorkRequest): Promise<void> {
    return this.#waits.wait(request);
  }

  subscribe(subscriber: EventSubscriber): Promise<port.Unsubscribe> {
    return this.#events.add(subscriber);
  }

  async onCancelRequest(listener: port.CancelListener): Promise<port.Unsubscribe> {
    const entry: port.CancelListener = (ids, reason) => listener(ids, reason);
    this.#cancelListeners.add(entry);
    try {
      await this.#channel.listen();
    } catch (error) {
      this.#cancelListeners.delete(entry);
      throw error;
    }
    return async () => void this.#cancelListeners.delete(entry);
  }

  logTo(logger: Logger): void {
    this.#logger = safeLogger(logger);
  }

  async health(): Promise<HealthReport> {
    const { name: engine } = this;
    try {
      const latency = await this.#connection.ping();
      const damage = parseDamage((await this.#run(scripts.health, [])) as readonly string[]);
      const { problem } = this.#connection;
      return {
        ok: problem === undefined,
        engine,
        latency,
        ...(problem && { problem: problem.message }),
        ...(damage.length > 0 && { damage }),
      };
    } catch (error) {
      return { ok: false, engine, latency: 0, problem: (error as Error).message };
    }
  }

  async close(): Promise<void> {
    this.#waits.close();
    this.#events.close();
    await this.#connection.close();
  }

  async #operate<Outcome>(
    script: Script,
    ids: readonly string[],
    ...first: string[]
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < ids.length) {
      const some = ids.slice(outcomes.length, outcomes.length + MOST_IDS);
      const reply = await this.#run(script, [this.#tombstones.count, ...first, ...some]);
      outcomes.push(...(reply as readonly Outcome[]));
    }
    return outcomes;
  }

  #reportMalformed(channel: string): void {
    if (this.#hasReportedMalformed) return;
    this.#hasReportedMalformed = true;
    this.#logger.warn(
      `Redis: a message on the channel "${channel}" of the engine's namespace isn't one of its own, and was ignored. ` +
        "Further ones are ignored without a word. Look for another program that publishes there.",
    );
  }

  #run(script: Script, args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.run(script, args);
  }
}

function outcomeArgs(outcomes: readonly port.AttemptOutcome[]): string[] {
  const args: string[] = [];
  let last = "";
  for (const outcome of outcomes) {
    const delay = outcome.type === "retry" ? Math.ceil(outcome.delay) : 0;
    const kind = `${OUTCOME_LETTERS[outcome.type]} ${outcome.epoch} ${delay} ${outcome.token}`;
    args.push(outcome.id, kind === last ? "" : kind);
    args.push((outcome.type === "complete" ? outcome.result : outcome.error) ?? "");
    last = kind;
  }
  return args;
}

function claimArgs(request: port.ClaimRequest, token: string): readonly (string | number)[] {
  const { limit, lease, run = 1, queues } = request;
  return [limit, Math.ceil(lease), token, Math.min(run, LONGEST_RUN), ...queues];
}
