import type {
  AttemptOutcome,
  ClaimedJob,
  ClaimReply,
  ClaimRequest,
  EngineCore,
  EnqueueBatch,
  EnqueueOutcome,
  ExtendRequest,
  LeaseReply,
  RecoverReport,
  RecoverRequest,
  Release,
  SettleReply,
  SettleRequest,
  WaitForWorkRequest,
} from "../../engine/core.ts";
import { messageOfError } from "../../engine/engine-errors.ts";
import type { Finding } from "../../engine/finding.ts";
import type { HealthReport } from "../../engine/health-report.ts";
import type { NewJob } from "../../engine/job.ts";
import { EnqueueSequencer, type SendCall } from "../calls/enqueue-sequencer.ts";
import { LostClaimRecovery } from "../calls/lost-claim-recovery.ts";
import type { EventFeed } from "../channels/event-feed.ts";
import type { WorkSignal } from "../channels/work-signal.ts";
import { describeDamage, parseDamage } from "../codec/damage.ts";
import { EnqueueRequest, splitByEdges } from "../codec/enqueue-request.ts";
import { encodeGroup } from "../codec/failure-groups.ts";
import { handlesText } from "../codec/handles.ts";
import { claimedJobs, encodeLog } from "../codec/job-record.ts";
import { serverInfo } from "../codec/server-info.ts";
import { singlePlainJob, singleSendArgs } from "../codec/single-send.ts";
import { beatText } from "../codec/worker-record.ts";
import { MAX_JOBS, type RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";

/** Jobs that one call of `recover` moves, so that no call takes the server long. */
const MAX_RECOVERED = 500;
/** Jobs of one ordering key that one claim hands out at most. */
const MAX_RUN = 1_000;
/** Outcomes that one call settles. */
const MAX_OUTCOMES = 2_000;
const LOST: LeaseReply = Object.freeze({ status: "lost" });
const HELD: LeaseReply = Object.freeze({ status: "held" });
const OUTCOME_LETTERS = { complete: "c", retry: "r", fail: "f", cancel: "x" } as const;

/** The facet `core` of the redis engine. */
export class RedisCore implements EngineCore {
  readonly #store: RedisStore;
  readonly #claims: LostClaimRecovery;
  readonly #sends: EnqueueSequencer;
  readonly #waits: WorkSignal;
  readonly #feed: EventFeed;

  /** `name`: of this engine, among all that share the namespace. */
  constructor(store: RedisStore, name: string, waits: WorkSignal, feed: EventFeed) {
    this.#store = store;
    this.#claims = new LostClaimRecovery(store.connection, name, store.tombstones.count);
    this.#sends = new EnqueueSequencer(store.connection, name);
    this.#waits = waits;
    this.#feed = feed;
  }

  async enqueue(batches: readonly EnqueueBatch[]): Promise<readonly EnqueueOutcome[]> {
    if (batches.length === 0) return [];
    const single = singlePlainJob(batches);
    if (single !== undefined) return this.#enqueueSingle(batches, single);
    const calls = splitByEdges(batches).map(async (some) => {
      const request = new EnqueueRequest(some);
      return request.outcomes(await this.#sends.run(this.#general(() => request)));
    });
    return calls.length === 1 ? calls[0]! : (await Promise.all(calls)).flat();
  }

  async #enqueueSingle(batches: readonly EnqueueBatch[], job: NewJob): Promise<readonly EnqueueOutcome[]> {
    const toRequest = () => new EnqueueRequest(batches);
    const single = { script: scripts.send, args: () => singleSendArgs(job) };
    const reply = await this.#sends.run(single, this.#general(toRequest));
    if (Array.isArray(reply)) return toRequest().outcomes(reply);
    return [{ ok: true, jobs: [{ id: job.envelope.id, created: reply === 1 }] }];
  }

  #general(toRequest: () => EnqueueRequest): SendCall {
    return { script: scripts.enqueue, args: () => toRequest().args(this.#store.tombstones.count) };
  }

  async claim(request: ClaimRequest): Promise<ClaimReply> {
    const { token, reply } = await this.#claims.run((own) =>
      this.#store.run(scripts.claim, claimArgs(request, own)),
    );
    const [claimed, next] = reply as readonly [readonly string[], number];
    return { jobs: await this.#claimed(claimed, token), ...nextIn(next) };
  }

  async settle({ outcomes, claim }: SettleRequest): Promise<SettleReply> {
    const verdicts: ("accepted" | "stale")[] = [];
    for (;;) {
      const some = outcomes.slice(verdicts.length, verdicts.length + MAX_OUTCOMES);
      const call = [this.#store.tombstones.count, some.length, ...outcomeArgs(some)];
      const { token, reply } =
        claim && verdicts.length + some.length === outcomes.length
          ? await this.#claims.run((own) =>
              this.#store.run(scripts.settle, [...call, ...claimArgs(claim, own)]),
            )
          : { token: "", reply: await this.#store.run(scripts.settle, call) };
      const [accepted, claimed, paused, next] = reply as readonly [
        readonly number[],
        readonly string[],
        readonly string[],
        number,
      ];
      for (const verdict of accepted) verdicts.push(verdict === 1 ? "accepted" : "stale");
      if (verdicts.length === outcomes.length) {
        return { verdicts, claimed: await this.#claimed(claimed, token), paused, ...nextIn(next) };
      }
    }
  }

  async #claimed(reply: readonly string[], token: string): Promise<readonly ClaimedJob[]> {
    const { jobs, unreadable, stranded } = await claimedJobs(reply, token, this.#store.profiles);
    if (unreadable.length > 0) {
      // If this fails, their leases expire, and the next claim tries again.
      await this.#store.run(scripts.discard, [this.#store.tombstones.count, ...unreadable]);
      await this.release(stranded.map((lease) => ({ ...lease, delay: 0, bounce: false })));
    }
    return jobs;
  }

  async extend({ leases, lease }: ExtendRequest): Promise<readonly LeaseReply[]> {
    const args: (string | number)[] = [Math.ceil(lease)];
    for (const { id, epoch, token, progress, logs } of leases) {
      args.push(id, epoch, token, progress ?? "", logs?.length ? JSON.stringify(logs.map(encodeLog)) : "");
    }
    const replies = (await this.#store.run(scripts.extend, args)) as readonly (number | string)[];
    return replies.map(leaseReply);
  }

  async release(releases: readonly Release[]): Promise<void> {
    const args = releases.flatMap(({ id, epoch, token, delay, bounce }) => [
      id,
      epoch,
      token,
      Math.ceil(delay),
      bounce ? 1 : 0,
    ]);
    for (let done = 0; done < releases.length; ) {
      const some = args.slice(5 * done, 5 * (done + MAX_JOBS));
      done += (await this.#store.run(scripts.release, [this.#store.tombstones.count, ...some])) as number;
    }
  }

  async recover({ beat }: RecoverRequest = {}): Promise<RecoverReport> {
    const { count, age } = this.#store.tombstones;
    const args = beat ? [beat.id, beatText(beat)] : [];
    const reply = await this.#store.run(scripts.recover, [count, age, MAX_RECOVERED, ...args]);
    const [requeued, stalled, promoted, trimmed, more, damage, next, isUnregistered] = reply as readonly [
      number,
      number,
      number,
      number,
      number,
      readonly string[],
      number,
      number,
    ];
    if (damage.length > 0) this.#store.logger.error(describeDamage(parseDamage(damage)));
    return {
      requeued,
      stalled,
      promoted,
      trimmed,
      more: more === 1,
      ...nextIn(next),
      ...(isUnregistered === 1 && { isUnregistered: true }),
    };
  }

  waitForWork(request: WaitForWorkRequest): Promise<void> {
    return this.#waits.wait(request);
  }

  async health(): Promise<HealthReport> {
    const engine = "redis";
    try {
      const latency = await this.#store.connection.ping();
      const reply = await this.#store.run(scripts.health, []);
      const [damaged, server, memory, mayNotWrite] = reply as readonly [
        readonly string[],
        string,
        string,
        number,
      ];
      const damage = parseDamage(damaged);
      const isReadOnly = mayNotWrite === 1;
      // A user who may only read publishes nothing either.
      const problem = isReadOnly ? undefined : this.#store.connection.problem;
      return {
        ok: problem === undefined,
        engine,
        latency,
        ...(problem && { problem: problem.message }),
        ...(isReadOnly && { isReadOnly }),
        ...serverInfo(server, memory),
        ...(damage.length > 0 && { damage }),
      };
    } catch (error) {
      return { ok: false, engine, latency: 0, problem: (error as Error).message };
    }
  }

  diagnose(): Promise<readonly Finding[]> {
    return this.#store.connection.diagnose();
  }

  async close(): Promise<void> {
    this.#waits.close();
    this.#feed.close();
    await this.#store.connection.close();
  }
}

function outcomeArgs(outcomes: readonly AttemptOutcome[]): string[] {
  const args: string[] = [];
  let last = "";
  for (const outcome of outcomes) {
    const delay = outcome.type === "retry" ? Math.ceil(outcome.delay) : 0;
    const group = "group" in outcome && outcome.group ? ` ${encodeGroup(outcome.group)}` : "";
    const kind = `${OUTCOME_LETTERS[outcome.type]} ${outcome.epoch} ${delay} ${outcome.token}${group}`;
    args.push(outcome.id, kind === last ? "" : kind);
    args.push((outcome.type === "complete" ? outcome.result : outcome.error) ?? "");
    last = kind;
  }
  return args;
}

function claimArgs(request: ClaimRequest, token: string): readonly (string | number)[] {
  const { limit, lease, run = 1, queues, handles } = request;
  return [limit, Math.ceil(lease), token, Math.min(run, MAX_RUN), handlesText(handles), ...queues];
}

function nextIn(milliseconds: number): { readonly nextIn?: number } {
  return milliseconds < 0 ? {} : { nextIn: milliseconds };
}

/** A text is the error of a job that is to stop. */
function leaseReply(reply: number | string): LeaseReply {
  if (typeof reply === "number") return reply === 1 ? HELD : LOST;
  const reason = messageOfError(reply);
  return { status: "cancelling", ...(reason !== undefined && { reason }) };
}
