import type { ClaimedJob, Lease } from "../../engine/core.ts";
import type { AttemptFailure, JobRecord, JobSummary, LogEntry, RememberedEnding } from "../../engine/job.ts";
import type { JobState, TerminalState } from "../../engine/state-machine.ts";
import { type HeldRecord, parseHeldRecord } from "./held-record.ts";
import { decodeValue, dependenciesOf, envelopeOf, type JobValue, profileIdOf } from "./job-value.ts";
import type { Profile, Profiles } from "./profiles.ts";

/** The reply of `lua/lib/read.lua` for a stored job. */
export type StoredParts = readonly [
  value: string,
  record: string,
  state: readonly string[],
  failures: readonly string[],
  logs: readonly string[],
];

/** The reply of `lua/lib/summary.lua`: the value is the header. */
export type SummaryParts = readonly [value: string, record: string, state: readonly string[]];

const NONE: readonly string[] = [];

/** The decoded reply of a claim. */
export interface ClaimedReply {
  readonly jobs: readonly ClaimedJob[];
  /** Ids of jobs that can't be read. */
  readonly unreadable: readonly string[];
  /** Jobs reserved behind an unreadable one, which would never start. */
  readonly stranded: readonly Lease[];
}

/** Decodes the reply of a claim: id, counters and value of each job in turn. */
export async function claimedJobs(
  reply: readonly string[],
  token: string,
  profiles: Profiles,
): Promise<ClaimedReply> {
  for (let index = 2; index < reply.length; index += 3) {
    if (profiles.has(profileIdOf(reply[index]!))) continue;
    await profiles.load(reply.filter((_, place) => place % 3 === 2).map(profileIdOf));
    break;
  }
  const jobs: ClaimedJob[] = [];
  const unreadable: string[] = [];
  const stranded: Lease[] = [];
  let isStranded = false;
  for (let index = 0; index < reply.length; index += 3) {
    const id = reply[index]!;
    const job = readable(() =>
      claimedJob(id, reply[index + 1]!, reply[index + 2]!, token, profiles, reply[index - 3]),
    );
    isStranded &&= job === undefined || job.follows !== undefined;
    if (job === undefined) {
      unreadable.push(id);
      isStranded = true;
    } else if (isStranded) stranded.push({ id, epoch: job.epoch, token });
    else jobs.push(job);
  }
  return { jobs, unreadable, stranded };
}

/** `undefined` if a stored text can't be parsed. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function claimedJob(
  id: string,
  counters: string,
  text: string,
  token: string,
  profiles: Profiles,
  ahead: string | undefined,
): ClaimedJob {
  const value = decodeValue(text);
  const profile = profiles.get(value.profileId);
  const [epoch, attempt, stalls, bounces, isReserved] =
    counters === "" ? FIRST : counters.split(" ").map(Number);
  const claimed: { -readonly [Key in keyof ClaimedJob]: ClaimedJob[Key] } = {
    id,
    epoch: epoch!,
    token,
    envelope: envelopeOf(id, value, profile),
    queue: profile.queue,
    attempt: attempt!,
    maxAttempts: profile.maxAttempts,
    stalls: stalls!,
    bounces: bounces!,
    dependsOn: value.extras?.d ? dependenciesOf(value.extras).map(({ job }) => job) : NONE,
    createdAt: value.createdAt,
  };
  if (value.extras?.o !== undefined) {
    claimed.orderingKey = value.extras.o;
    if (profile.holdsKey) claimed.holdsKey = true;
  }
  if (isReserved) claimed.follows = ahead!;
  return claimed;
}

/** Epoch, attempt, stalls and bounces of a first claim. */
const FIRST: readonly number[] = [1, 1, 0, 0];

/** Stored jobs; `null` where there is none. */
export async function jobRecords(
  ids: readonly string[],
  reply: readonly (StoredParts | null)[],
  profiles: Profiles,
): Promise<readonly (JobRecord | null)[]> {
  await profiles.load(reply.flatMap((parts) => (parts ? [profileIdOf(parts[0])] : [])));
  return reply.map(
    (parts, index) => (parts && readable(() => jobRecord(ids[index]!, parts, profiles))) ?? null,
  );
}

/** Summaries of stored jobs; `null` where one can't be read. */
export async function jobSummaries(
  ids: readonly string[],
  reply: readonly (SummaryParts | null)[],
  profiles: Profiles,
): Promise<readonly (JobSummary | null)[]> {
  await profiles.load(reply.flatMap((parts) => (parts ? [profileIdOf(parts[0])] : [])));
  return reply.map(
    (parts, index) => (parts && readable(() => jobSummary(ids[index]!, parts, profiles))) ?? null,
  );
}

const ENDINGS: Readonly<Record<string, TerminalState>> = { co: "completed", fa: "failed", ca: "cancelled" };

/** Decodes tombstones, which `lua/lib/tombs.lua` writes as two letters and a profile. */
export async function rememberedEndings(
  tombs: readonly (string | null)[],
  profiles: Profiles,
): Promise<readonly (RememberedEnding | null)[]> {
  await profiles.load(tombs.flatMap((tomb) => (tomb === null ? [] : [tomb.slice(2)])));
  return tombs.map((tomb) => {
    const profile = tomb?.slice(2) ?? "";
    if (tomb === null || !profiles.has(profile)) return null;
    return { state: ENDINGS[tomb.slice(0, 2)]!, messageType: profiles.get(profile).messageType };
  });
}

function jobRecord(id: string, parts: StoredParts, profiles: Profiles): JobRecord {
  const [text, record, flat, failures, logs] = parts;
  const value = decodeValue(text);
  const profile = profiles.get(value.profileId);
  const state = fieldsOf(flat);
  const result = state.get("r");
  const progress = state.get("prog");
  return {
    id,
    envelope: envelopeOf(id, value, profile),
    ...standing(value, profile, record, state),
    bounces: parseActive(record)?.bounces ?? Number(state.get("b") ?? 0),
    dependsOn: dependenciesOf(value.extras),
    failures: failures.map(parseFailure),
    logs: logs.map(parseLog),
    ...(result !== undefined && { result }),
    ...(progress !== undefined && { progress }),
  };
}

function jobSummary(id: string, [header, record, flat]: SummaryParts, profiles: Profiles): JobSummary {
  const value = decodeValue(header);
  const profile = profiles.get(value.profileId);
  const { messageType, version, timestamp, userId } = envelopeOf(id, value, profile);
  return {
    id,
    messageType,
    version,
    timestamp,
    ...standing(value, profile, record, fieldsOf(flat)),
    ...(userId !== undefined && { userId }),
  };
}

/** What records and summaries say of where a job is. */
function standing(value: JobValue, profile: Profile, record: string, state: ReadonlyMap<string, string>) {
  const active = parseActive(record);
  const name = active ? "active" : ((state.get("s") ?? "queued") as JobState);
  const instant = (field: string) => (state.has(field) ? Number(state.get(field)) : undefined);
  // 0: it never ran.
  const startedAt = active?.startedAt ?? (instant("st") || undefined);
  const finishedAt = instant("f");
  const error = state.get("err");
  return {
    queue: profile.queue,
    state: name,
    priority: value.extras?.p ?? 0,
    epoch: (record === "" ? undefined : parseHeldRecord(record).epoch) ?? instant("e") ?? 0,
    attempt: active?.attempt ?? instant("a") ?? 0,
    maxAttempts: profile.maxAttempts,
    stalls: active?.stalls ?? instant("t") ?? 0,
    cancelRequested: state.has("c"),
    createdAt: value.createdAt,
    ...(value.extras?.o !== undefined && { orderingKey: value.extras.o }),
    ...(name === "scheduled" && { runAt: instant("at")! }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(error !== undefined && { error }),
  };
}

/** `undefined` for a job that isn't held, or is only reserved. */
function parseActive(record: string): HeldRecord | undefined {
  const held = record === "" ? undefined : parseHeldRecord(record);
  return held?.startedAt ? held : undefined;
}

function fieldsOf(flat: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let index = 0; index < flat.length; index += 2) fields.set(flat[index]!, flat[index + 1]!);
  return fields;
}

function parseFailure(text: string): AttemptFailure {
  const [epoch, startedAt, at] = text.split(" ", 3).map(Number) as [number, number, number];
  return { epoch, startedAt, at, error: text.replace(/^\d+ \d+ \d+ /, "") };
}

export function encodeLog({ at, message }: LogEntry): string {
  return `${at} ${message}`;
}

function parseLog(text: string): LogEntry {
  const end = text.indexOf(" ");
  return { at: Number(text.slice(0, end)), message: text.slice(end + 1) };
}
