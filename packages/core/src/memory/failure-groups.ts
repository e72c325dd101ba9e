import {
  type FailureGroupKey,
  type FailureGroupPage,
  type FailureGroupRecord,
  type FailureGroupsRequest,
  type FailureHourRecord,
  GROUP_LIFETIME,
  MAX_FAILURE_GROUPS,
  MAX_GROUP_HOURS,
  MAX_GROUP_SAMPLES,
  MIN_SWEPT_GROUP_JOBS,
} from "../engine/failure-groups.ts";
import { notACursor } from "../engine/list-cursor.ts";
import type { JobTable } from "./job-table.ts";
import type { StoredJob } from "./stored-job.ts";

const HOUR = 3_600_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One group, and the ids of its jobs by their sequence. */
interface Entry {
  group: Omit<FailureGroupRecord, "hours" | "samples">;
  readonly hours: Map<number, Mutable<FailureHourRecord>>;
  readonly jobs: Map<number, string>;
  /** Size of `jobs` at which all that are gone are dropped. */
  sweepAt: number;
}

/** Failures that are alike, counted. */
export class FailureGroups {
  readonly #table: JobTable;
  /** By fingerprint, the latest failure last. */
  readonly #entries = new Map<string, Entry>();

  constructor(table: JobTable) {
    this.#table = table;
  }

  /** Counts a failure. Call it before the job ends. */
  count(job: StoredJob, key: FailureGroupKey, kind: "failed" | "retried", now: number): void {
    const { fingerprint } = key;
    const entry = this.#entries.get(fingerprint) ?? newEntry(job, key, now);
    this.#entries.delete(fingerprint);
    this.#entries.set(fingerprint, entry);
    const { hours, jobs } = entry;
    const { firstAt, failed, retried } = entry.group;
    const total = { failed, retried };
    total[kind]++;
    entry.group = {
      ...key,
      messageType: job.messageType,
      queue: job.queue.name,
      firstAt,
      lastAt: now,
      ...total,
    };
    const hour = now - (now % HOUR);
    const counts = hours.get(hour) ?? { hour, failed: 0, retried: 0 };
    counts[kind]++;
    hours.set(hour, counts);
    for (const earlier of hours.keys()) if (earlier <= hour - MAX_GROUP_HOURS * HOUR) hours.delete(earlier);
    this.#dropGone(entry);
    jobs.set(job.sequence, job.id);
    this.#forgetOldest(now);
  }

  page({ limit, cursor, messageType, queue }: FailureGroupsRequest, now: number): FailureGroupPage {
    this.#forgetOldest(now);
    const before = readCursor(cursor);
    const found = [...this.#entries.values()]
      .filter(({ group }) => messageType === undefined || group.messageType === messageType)
      .filter(({ group }) => queue === undefined || group.queue === queue)
      .filter(({ group }) => before === undefined || isBefore(group, before))
      .sort((a, b) => (isBefore(a.group, b.group) ? 1 : -1));
    const groups = found.slice(0, limit).map((entry) => this.#read(entry));
    const last = groups.at(-1);
    return { groups, ...(found.length > limit && last && { cursor: writeCursor(last) }) };
  }

  /** Whether a job has had a failure of a group. */
  has(fingerprint: string, job: StoredJob): boolean {
    return this.#entries.get(fingerprint)?.jobs.has(job.sequence) ?? false;
  }

  forget(fingerprint: string): boolean {
    return this.#entries.delete(fingerprint);
  }

  #read({ group, hours, jobs }: Entry): FailureGroupRecord {
    const stored = [...jobs].filter(([sequence, id]) => this.#isStored(sequence, id));
    return {
      ...group,
      hours: [...hours.values()].map((counts) => ({ ...counts })).sort((a, b) => a.hour - b.hour),
      samples: stored
        .sort(([a], [b]) => b - a)
        .slice(0, MAX_GROUP_SAMPLES)
        .map(([, id]) => id),
    };
  }

  /** Drops jobs that are gone: the first, which retention removes first, and all once there are many. */
  #dropGone(entry: Entry): void {
    const { jobs } = entry;
    const isSwept = jobs.size >= entry.sweepAt;
    for (const [sequence, id] of jobs) {
      if (!this.#isStored(sequence, id)) jobs.delete(sequence);
      else if (!isSwept) break;
    }
    if (isSwept) entry.sweepAt = Math.max(MIN_SWEPT_GROUP_JOBS, 2 * jobs.size);
  }

  #isStored(sequence: number, id: string): boolean {
    return this.#table.get(id)?.sequence === sequence;
  }

  #forgetOldest(now: number): void {
    for (const [fingerprint, { group }] of this.#entries) {
      const isOver = this.#entries.size > MAX_FAILURE_GROUPS || group.lastAt <= now - GROUP_LIFETIME;
      if (!isOver) break;
      this.#entries.delete(fingerprint);
    }
  }
}

function newEntry(job: StoredJob, key: FailureGroupKey, now: number): Entry {
  const { messageType, queue } = job;
  const group = { ...key, messageType, queue: queue.name, firstAt: now, lastAt: now, failed: 0, retried: 0 };
  return { group, hours: new Map(), jobs: new Map(), sweepAt: MIN_SWEPT_GROUP_JOBS };
}

type Place = Pick<FailureGroupRecord, "lastAt" | "fingerprint">;

/** Whether a group comes after another, the latest failure first. */
function isBefore(group: Place, other: Place): boolean {
  return (
    group.lastAt < other.lastAt || (group.lastAt === other.lastAt && group.fingerprint < other.fingerprint)
  );
}

function writeCursor({ lastAt, fingerprint }: Place): string {
  return `${lastAt} ${fingerprint}`;
}

function readCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, lastAt, fingerprint] = /^(\d{1,15}) (\S+)$/.exec(cursor) ?? [];
  if (fingerprint === undefined) throw notACursor(cursor);
  return { lastAt: Number(lastAt), fingerprint };
}
