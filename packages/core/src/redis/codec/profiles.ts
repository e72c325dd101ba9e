import type { NewJob, Retention } from "../../engine/job.ts";
import type { RedisConnection } from "../connection/connection.ts";
import { scripts } from "../scripts.ts";

/** What jobs of one message share. Stored once; each job refers to it by a part of its hash. */
export interface Profile {
  readonly queue: string;
  readonly messageType: string;
  readonly version: number;
  readonly maxAttempts: number;
  readonly maxStalls: number;
  readonly retain: Retention;
  readonly holdsKey: boolean;
}

/**
 * The profile of a job as it is stored. `lua/lib/profiles.lua` reads it too, and `lua/lib/claim-plain.lua` finds `m` and
 * `v` by their place.
 */
export function profileText(job: NewJob): string {
  const { queue, envelope, maxAttempts, maxStalls, retain, ordering, search } = job;
  const { completed, failed } = retain;
  return JSON.stringify({
    q: queue,
    m: envelope.messageType,
    v: envelope.version,
    a: maxAttempts,
    t: maxStalls,
    ca: completed.age,
    cc: completed.count,
    fa: failed.age,
    fc: failed.count,
    ...(ordering?.onFailure === "hold" && { h: 1 }),
    ...(search && { s: Object.keys(search) }),
  });
}

/** Whether two jobs have the same profile, without writing its text. */
export function sharesProfile(one: NewJob, other: NewJob): boolean {
  return (
    one.envelope.messageType === other.envelope.messageType &&
    one.retain === other.retain &&
    one.queue === other.queue &&
    one.maxAttempts === other.maxAttempts &&
    one.envelope.version === other.envelope.version &&
    one.maxStalls === other.maxStalls &&
    one.ordering?.onFailure === other.ordering?.onFailure &&
    haveSameFields(one.search, other.search)
  );
}

function haveSameFields(one: NewJob["search"], other: NewJob["search"]): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Object.keys(one).join("\n") === Object.keys(other).join("\n");
}

/** The profiles of a namespace. Each is read once. */
export class Profiles {
  readonly #connection: RedisConnection;
  readonly #byId = new Map<string, Profile>();

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** Reads profiles that aren't loaded yet. */
  async load(ids: Iterable<string>): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.#byId.has(id));
    if (unknown.length === 0) return;
    const texts = (await this.#connection.run(scripts.profiles, unknown)) as readonly (string | null)[];
    texts.forEach((text, index) => {
      const profile = text === null ? undefined : parseProfile(text);
      if (profile !== undefined) this.#byId.set(unknown[index]!, profile);
    });
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): Profile {
    const profile = this.#byId.get(id);
    if (!profile)
      throw new Error(`The profile ${id} is missing in Redis: keys of this namespace were deleted.`);
    return profile;
  }
}

function parseProfile(text: string): Profile | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { q, m, v, a, t, ca, cc, fa, fc, h } = Object(parsed);
  if (typeof q !== "string" || typeof m !== "string") return undefined;
  const retain = { completed: { age: ca, count: cc }, failed: { age: fa, count: fc } };
  return { queue: q, messageType: m, version: v, maxAttempts: a, maxStalls: t, retain, holdsKey: h === 1 };
}
