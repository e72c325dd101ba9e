import {
  type Change,
  type Interest,
  type JobListInterest,
  type JobListValue,
  MAX_INTERESTS,
} from "../protocol/interests.ts";
import type { PublicJob } from "../protocol/public-job.ts";
import type { WireError } from "../protocol/refusals.ts";
import { interestKey } from "./interest-key.ts";

/** What is known of something followed. The same object until it changes. */
export interface Snapshot {
  /** `undefined` until it is known. */
  readonly value: unknown;
  readonly error: WireError | undefined;
}

/** A change by the key of what it is of, which every tab understands. */
export interface KeyedChange {
  readonly key: string;
  readonly version: string | null;
  readonly snapshot: Snapshot;
}

/** Something that is followed and may still change. */
export interface ActiveInterest {
  readonly key: string;
  readonly interest: Interest;
  /** `null`: nothing is known of it. */
  readonly version: string | null;
}

interface Entry {
  readonly interest: Interest;
  readonly listeners: Set<() => void>;
  /** Are told too, but follow nothing. */
  readonly observers: Set<() => void>;
  version: string | null;
  snapshot: Snapshot;
  /** Whether it must be read again, although it seems to have ended. */
  isStale: boolean;
  /** Of a list: its jobs as they were last asked for. */
  jobs: readonly PublicJob[];
  forget: ReturnType<typeof setTimeout> | undefined;
}

const UNKNOWN: Snapshot = Object.freeze({ value: undefined, error: undefined });
/** Milliseconds that a value is kept after nobody follows it, so that the next page shows it at once. */
const KEEP = 300_000;
/** Milliseconds that a sent job is shown at most before a list has it. */
const SETTLE = 1_500;
const TERMINAL: readonly string[] = ["completed", "failed", "cancelled"];

/** What the browser knows of jobs and statuses, and who follows it. */
export class LiveStore {
  readonly #entries = new Map<string, Entry>();
  /** Jobs that are being sent, the newest first: lists show them before the server does. */
  readonly #pending = new Map<string, PublicJob>();
  readonly #onInterests: () => void;

  /** @param onInterests called when what is followed has changed */
  constructor(onInterests: () => void) {
    this.#onInterests = onInterests;
  }

  /** Calls `listener` when the interest's value changes. Returns the function that ends it. */
  follow(interest: Interest, listener: () => void): () => void {
    const key = interestKey(interest);
    const entry = this.#open(key, interest);
    clearTimeout(entry.forget);
    entry.forget = undefined;
    entry.listeners.add(listener);
    if (entry.listeners.size === 1) this.#onInterests();
    return () => {
      if (!entry.listeners.delete(listener) || entry.listeners.size > 0) return;
      this.#forgetLater(key, entry);
      this.#onInterests();
    };
  }

  /** Calls `listener` when the interest's value changes, without following it. Returns the function that ends it. */
  observe(interest: Interest, listener: () => void): () => void {
    const { observers } = this.#open(interestKey(interest), interest);
    observers.add(listener);
    return () => observers.delete(listener);
  }

  peek(interest: Interest): Snapshot {
    const entry = this.#entries.get(interestKey(interest));
    return entry?.snapshot ?? UNKNOWN;
  }

  /**
   * The jobs of a list, or `undefined` until it is known. A user's own list begins with what is being sent. The same array
   * until one of them changes.
   */
  peekJobs(interest: JobListInterest): readonly PublicJob[] | undefined {
    const entry = this.#entries.get(interestKey(interest));
    const ids = (entry?.snapshot.value as JobListValue | undefined)?.ids;
    if (!entry || !ids) return undefined;
    const listed = ids.flatMap((id) => {
      const { value } = this.peek({ kind: "job", id });
      return value ? [value as PublicJob] : [];
    });
    const sending = [...this.#pending.values()].filter(
      (job) => !ids.includes(job.id) && mayList(interest, job),
    );
    const jobs = [...sending.reverse(), ...listed];
    const isSame = jobs.length === entry.jobs.length && jobs.every((job, index) => job === entry.jobs[index]);
    if (!isSame) entry.jobs = jobs;
    return entry.jobs;
  }

  /** What is followed and may still change. */
  active(): readonly ActiveInterest[] {
    const active: ActiveInterest[] = [];
    for (const [key, { interest, listeners, version, snapshot, isStale }] of this.#entries) {
      if (listeners.size === 0 || (hasEnded(snapshot.value, interest) && !isStale)) continue;
      active.push({ key, interest, version });
    }
    return active.slice(0, MAX_INTERESTS);
  }

  /** `null`: nothing is known. */
  versionOf(key: string): string | null {
    return this.#entries.get(key)?.version ?? null;
  }

  /** Versions of the jobs that followed lists have, by id. */
  listedVersions(): Readonly<Record<string, string>> {
    const versions: [string, string][] = [];
    for (const { snapshot, listeners, interest } of this.#entries.values()) {
      if (listeners.size === 0 || interest.kind !== "jobs") continue;
      for (const id of (snapshot.value as JobListValue | undefined)?.ids ?? []) {
        const version = this.#entries.get(interestKey({ kind: "job", id }))?.version;
        if (version) versions.push([id, version]);
      }
    }
    return Object.fromEntries(versions);
  }

  /** Takes changes, each newer than what is known. */
  take(changes: readonly KeyedChange[]): void {
    const listeners = new Set<() => void>();
    const jobs = new Set<string>();
    for (const { key, version, snapshot } of changes) {
      const entry = this.#open(key, JSON.parse(key) as Interest);
      entry.isStale = false;
      if (entry.listeners.size === 0 && entry.forget === undefined) this.#forgetLater(key, entry);
      entry.snapshot = snapshot;
      entry.version = version;
      if (entry.interest.kind === "job") jobs.add(entry.interest.id);
      for (const listener of [...entry.listeners, ...entry.observers]) listeners.add(listener);
    }
    for (const { interest, snapshot, listeners: ofList } of this.#entries.values()) {
      if (interest.kind !== "jobs" || ofList.size === 0) continue;
      const { ids = [] } = (snapshot.value ?? {}) as Partial<JobListValue>;
      if (ids.some((id) => jobs.has(id))) for (const listener of ofList) listeners.add(listener);
    }
    for (const listener of listeners) listener();
  }

  /** Sets a value that the page has from its server's rendering, unless something newer is known. */
  seed(interest: Interest, value: unknown): void {
    const entry = this.#open(interestKey(interest), interest);
    if (entry.snapshot.value === undefined) entry.snapshot = { value, error: undefined };
  }

  /** A job that the server doesn't know yet, or `undefined`. */
  pendingJob(id: string): PublicJob | undefined {
    return this.#pending.get(id);
  }

  /** Shows a job before the server knows it. */
  addPending(job: PublicJob): void {
    this.#pending.set(job.id, job);
    this.#notifyOf(job.id);
  }

  /** Of a job that was refused. */
  removePending(id: string): void {
    if (this.#pending.delete(id)) this.#notifyOf(id);
  }

  /** Of a job that the server has stored: it stays shown until the server shows it, which is soon. */
  settlePending(id: string): void {
    setTimeout(() => this.removePending(id), SETTLE);
  }

  /** Has everything that is followed read again, or some interests. */
  refetch(interests?: readonly Interest[]): void {
    const keys = interests && new Set(interests.map(interestKey));
    for (const [key, entry] of this.#entries) {
      if (keys && !keys.has(key)) continue;
      entry.version = null;
      entry.isStale = true;
    }
    this.#onInterests();
  }

  /** Of what one user saw, the next sees nothing. */
  clear(): void {
    const entries = [...this.#entries.values()];
    for (const entry of entries) {
      entry.version = null;
      entry.snapshot = UNKNOWN;
      entry.jobs = [];
    }
    for (const { listeners, observers } of entries) {
      for (const listener of [...listeners, ...observers]) listener();
    }
  }

  #notifyOf(id: string): void {
    const jobKey = interestKey({ kind: "job", id });
    for (const [key, { interest, listeners }] of this.#entries) {
      if (interest.kind !== "jobs" && key !== jobKey) continue;
      for (const listener of listeners) listener();
    }
  }

  #open(key: string, interest: Interest): Entry {
    const known = this.#entries.get(key);
    if (known) return known;
    const entry: Entry = {
      interest,
      listeners: new Set(),
      observers: new Set(),
      version: null,
      snapshot: UNKNOWN,
      isStale: false,
      jobs: [],
      forget: undefined,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #forgetLater(key: string, entry: Entry): void {
    entry.forget = setTimeout(() => this.#entries.delete(key), KEEP);
  }
}

/** What a server sent, by keys instead of the order of the request. */
export function toKeyedChanges(
  store: LiveStore,
  active: readonly ActiveInterest[],
  changes: readonly Change[],
): readonly KeyedChange[] {
  return changes.flatMap((change): KeyedChange[] => {
    const interest: Interest | undefined =
      "job" in change ? { kind: "job", id: change.job } : active[change.at]?.interest;
    if (!interest) return [];
    const key = interestKey(interest);
    if (!("error" in change)) {
      return [{ key, version: change.version, snapshot: { value: change.value, error: undefined } }];
    }
    return [{ key, version: null, snapshot: { value: store.peek(interest).value, error: change.error } }];
  });
}

function mayList({ user = "me", message, states, orderingKey }: JobListInterest, job: PublicJob): boolean {
  // What a job's key will be, only the server knows.
  return (
    user === "me" &&
    orderingKey === undefined &&
    (message ?? job.messageType) === job.messageType &&
    (states?.includes(job.state) ?? true)
  );
}

function hasEnded(value: unknown, { kind }: Interest): boolean {
  return kind === "job" && TERMINAL.includes((value as PublicJob | null | undefined)?.state ?? "");
}
