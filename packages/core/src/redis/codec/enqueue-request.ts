import type { EnqueueBatch, EnqueuedJob, EnqueueOutcome } from "../../engine/core.ts";
import type { NewJob } from "../../engine/job.ts";
import { encodeHeader } from "./job-value.ts";
import { profileText, sharesProfile } from "./profiles.ts";

type Argument = string | number;

/**
 * Plain jobs of one profile: consecutive ones with new ids, of any number of batches, which are never refused; those of
 * consecutive batches of one job each; or those of one batch.
 */
interface PlainGroup {
  readonly plain: readonly NewJob[];
  readonly of: "new ids" | "batches of one" | "one batch";
}

/** A batch that contains other jobs. */
interface BatchGroup {
  readonly batch: EnqueueBatch;
}

/** Begins the answer to a batch that is refused since an id belongs to a job of another message. */
const IN_USE = "in use";
/** Dependencies that one call stores. A single batch may have more. */
const MAX_EDGES = 1_000;

/** Splits batches over several calls, so that each call is short. */
export function splitByEdges(batches: readonly EnqueueBatch[]): readonly (readonly EnqueueBatch[])[] {
  let total = 0;
  for (const batch of batches) total += edgesOf(batch);
  if (total <= MAX_EDGES) return [batches];
  const calls: EnqueueBatch[][] = [];
  let edges = Number.POSITIVE_INFINITY;
  for (const batch of batches) {
    const own = edgesOf(batch);
    edges += own;
    if (edges <= MAX_EDGES) calls.at(-1)!.push(batch);
    else {
      calls.push([batch]);
      edges = own;
    }
  }
  return calls;
}

function edgesOf({ jobs }: EnqueueBatch): number {
  let edges = 0;
  for (const { dependsOn } of jobs) edges += dependsOn.length;
  return edges;
}

/** Encodes batches for one call of `lua/enqueue.lua`, and decodes its reply. */
export class EnqueueRequest {
  readonly #batches: readonly EnqueueBatch[];
  readonly #groups: (PlainGroup | BatchGroup)[] = [];
  readonly #unrefusable = new Set<EnqueueBatch>();

  constructor(batches: readonly EnqueueBatch[]) {
    this.#batches = batches;
    let last: { readonly plain: NewJob[]; readonly of: PlainGroup["of"] } | undefined;
    const append = (job: NewJob, of: PlainGroup["of"]) => {
      if (last?.of === of && sharesProfile(last.plain[0]!, job)) last.plain.push(job);
      else {
        last = { plain: [job], of };
        this.#groups.push(last);
      }
    };
    for (const batch of batches) {
      const { jobs } = batch;
      if (jobs.every((job) => job.hasNewId && isPlain(job))) {
        this.#unrefusable.add(batch);
        for (const job of jobs) append(job, "new ids");
      } else if (jobs.length === 1 && isPlain(jobs[0]!)) append(jobs[0]!, "batches of one");
      else {
        const isOneGroup = jobs.every((job) => isPlain(job) && sharesProfile(jobs[0]!, job));
        this.#groups.push(isOneGroup ? { plain: jobs, of: "one batch" } : { batch });
        last = undefined;
      }
    }
  }

  /** The arguments of the script, from `tombstones` on. */
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
      else addPlain(args, group, profileOf);
    }
    return [tombstones, profiles.size, ...profiles.keys(), ...args];
  }

  /** The outcome of each batch. */
  outcomes(reply: unknown): readonly EnqueueOutcome[] {
    const stored: EnqueuedJob[] = [];
    const decided: EnqueueOutcome[] = [];
    (reply as readonly (readonly Argument[])[]).forEach((answer, index) => {
      const group = this.#groups[index]!;
      if ("batch" in group) decided.push(batchOutcome(answer));
      else if (group.of === "new ids") stored.push(...storedJobs(group, answer));
      else decided.push(...plainOutcomes(group, answer));
    });
    let nextStored = 0;
    let nextDecided = 0;
    return this.#batches.map((batch): EnqueueOutcome => {
      if (!this.#unrefusable.has(batch)) return decided[nextDecided++]!;
      const first = nextStored;
      nextStored += batch.jobs.length;
      return { ok: true, jobs: stored.slice(first, nextStored) };
    });
  }
}

/** Whether a job waits for nothing and refers to nothing, as most do. */
export function isPlain({ dependsOn, delay, priority, ordering, dedupe }: NewJob): boolean {
  return dependsOn.length === 0 && delay === 0 && priority === 0 && !ordering && !dedupe;
}

function addPlain(
  args: Argument[],
  { plain: jobs, of }: PlainGroup,
  profileOf: (job: NewJob) => number,
): void {
  const [first] = jobs;
  const headers = jobs.map(encodeHeader);
  const shared = headers.every((header) => header === headers[0]) ? headers[0]! : "";
  args.push(
    "plain",
    profileOf(first!),
    first!.queue,
    first!.envelope.messageType,
    shared,
    `${plainFlags(jobs)}${of === "one batch" ? "b" : ""}`,
    jobs.length,
  );
  // Sends data as it is where possible: joining texts here takes as long as storing them on the server.
  jobs.forEach(({ envelope: { id, data } }, index) => {
    args.push(id, shared === "" ? headers[index]! + data : data);
  });
}

function plainFlags(jobs: readonly NewJob[]): string {
  return `${hasRepeats(jobs) ? "r" : ""}${givenFlag(jobs)}${jobs[0]!.search ? "s" : ""}`;
}

function givenFlag(jobs: readonly NewJob[]): string {
  return jobs.every(({ hasNewId }) => hasNewId) ? "" : "g";
}

/** Whether an id occurs twice. Ids that a queue generates ascend, which is quick to check. */
function hasRepeats(jobs: readonly NewJob[]): boolean {
  const isAscending = jobs.every(
    ({ envelope }, index) => index === 0 || envelope.id > jobs[index - 1]!.envelope.id,
  );
  return !isAscending && new Set(jobs.map(({ envelope }) => envelope.id)).size < jobs.length;
}

/** `known`: the places, from 1, of jobs that were stored before, each followed by its message if that is another one. */
function storedJobs({ plain }: PlainGroup, known: readonly Argument[]): readonly EnqueuedJob[] {
  const places = known.length === 0 ? undefined : new Set(known);
  return plain.map(({ envelope: { id } }, index) => ({ id, created: !places?.has(index + 1) }));
}

/** Of each batch of the group. */
function plainOutcomes(group: PlainGroup, known: readonly Argument[]): readonly EnqueueOutcome[] {
  if (known[0] === IN_USE) return [batchOutcome(known)];
  const jobs = storedJobs(group, known);
  if (group.of === "one batch") return [{ ok: true, jobs }];
  const otherMessages = new Map<Argument, string>();
  known.forEach((message, index) => {
    if (typeof message === "string") otherMessages.set(known[index - 1]!, message);
  });
  return jobs.map((job, index): EnqueueOutcome => {
    const messageType = otherMessages.get(index + 1);
    return messageType === undefined
      ? { ok: true, jobs: [job] }
      : { ok: false, reason: "id-in-use", id: job.id, messageType };
  });
}

function addBatch(args: Argument[], jobs: readonly NewJob[], profileOf: (job: NewJob) => number): void {
  args.push("batch", jobs.length, (mayCycle(jobs) ? "c" : "") + givenFlag(jobs));
  for (const job of jobs) {
    const { envelope, delay } = job;
    const profile = profileOf(job);
    args.push(envelope.id, isPlain(job) ? profile : `${profile} ${delay}`, encodeHeader(job), envelope.data);
  }
}

/**
 * Whether the jobs may form a cycle: only through a reference to the job itself or to a later one, or to a job that
 * deduplication replaces by another.
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
  if (kind === IN_USE) return { ok: false, reason: "id-in-use", id: ids[0]!, messageType: ids[1]! };
  if (kind === "cycle") return { ok: false, reason: "dependency-cycle", cycle: ids };
  const jobs: EnqueuedJob[] = [];
  for (let index = 0; index < rest.length; index += 2) {
    jobs.push({ id: String(rest[index]), created: rest[index + 1] === 1 });
  }
  return { ok: true, jobs };
}
