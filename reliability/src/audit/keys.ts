import type { Redis } from "ioredis";

/** A kind of key of the redis engine, by its name without the namespace. See docs/redis-data-model.md. */
interface KeyKind {
  readonly pattern: RegExp;
  /** Whether the key must have a time to live. */
  readonly expires?: boolean;
}

/** Keys that may be left when no job is stored. Their size doesn't depend on the number of jobs that ran. */
const RESIDUE: readonly KeyKind[] = [
  { pattern: /^queues$/ },
  { pattern: /^profiles$/ },
  { pattern: /^sequence$/ },
  { pattern: /^endings$/ },
  { pattern: /^running$/ },
  { pattern: /^kept$/ },
  { pattern: /^dependencies$/ },
  { pattern: /^tombs(:old|:since)?$/ },
  { pattern: /^audit$/ },
  { pattern: /^layout$/ },
  { pattern: /^dedupe:/, expires: true },
  { pattern: /^idle:/, expires: true },
  { pattern: /^sent:/, expires: true },
  { pattern: /^listeners(:queued)?$/, expires: true },
  { pattern: /^watched(:queued)?$/, expires: true },
  { pattern: /^metrics:/, expires: true },
  { pattern: /^workers(:seen|:running)?$/, expires: true },
  { pattern: /^groups$/ },
  { pattern: /^group(?:ed)?:/, expires: true },
];

/** Keys that also exist while finished jobs are kept. Any job that they name must be stored. */
const OF_FINISHED_JOBS: readonly KeyKind[] = [
  { pattern: /^(job|state|logs|failures):/ },
  { pattern: /^(completed|failed|cancelled):/ },
  { pattern: /^ended$/ },
  { pattern: /^kept:/ },
  { pattern: /^index:/ },
  { pattern: /^dependents$/ },
];

const OF_ONE_JOB = /^(?:state|logs|failures):(.*)$/;
const FINISHED_SET = /^(?:completed|failed|cancelled):/;

/** Checks the keys after a drain: the sets of finished jobs partition the ids, and nothing else is left of a job. */
export async function drainedKeyProblems(redis: Redis, namespace: string): Promise<readonly string[]> {
  const names = await keyNames(redis, namespace);
  const problems = await unexpected(redis, namespace, names, [...RESIDUE, ...OF_FINISHED_JOBS]);
  const stored = new Set(names.filter((name) => name.startsWith("job:")).map((name) => name.slice(4)));
  const listed = new Map<string, string>();
  for (const name of names.filter((key) => FINISHED_SET.test(key))) {
    for (const id of await redis.zrange(`${prefixOf(namespace)}${name}`, 0, "-1")) {
      if (listed.has(id)) problems.push(`${id} is in ${listed.get(id)} and in ${name}`);
      if (!stored.has(id)) problems.push(`${id} is in ${name}, but its job isn't stored`);
      listed.set(id, name);
    }
  }
  for (const id of stored) if (!listed.has(id)) problems.push(`${id} is stored, but in no set`);
  for (const id of await redis.hkeys(`${prefixOf(namespace)}ended`)) {
    if (!stored.has(id)) problems.push(`${id} is in ended, but its job isn't stored`);
  }
  for (const name of names.filter((key) => key.startsWith("index:"))) {
    for (const entry of await redis.zrange(`${prefixOf(namespace)}${name}`, 0, "-1")) {
      const id = entry.slice(entry.lastIndexOf("\0") + 1);
      if (!stored.has(id)) problems.push(`${id} is in ${name}, but its job isn't stored`);
    }
  }
  for (const id of await redis.hkeys(`${prefixOf(namespace)}dependents`)) {
    if (!stored.has(id)) problems.push(`${id} is in dependents, but its job isn't stored`);
  }
  for (const name of names) {
    const id = OF_ONE_JOB.exec(name)?.[1];
    if (id !== undefined && !stored.has(id)) problems.push(`${name} belongs to a job that isn't stored`);
  }
  return problems;
}

/** Checks the keys after all jobs were removed: only keys that never belonged to one job are left. */
export async function emptyKeyProblems(redis: Redis, namespace: string): Promise<readonly string[]> {
  const names = await keyNames(redis, namespace);
  const problems = await unexpected(redis, namespace, names, RESIDUE);
  for (const [queue, count] of Object.entries(await redis.hgetall(`${prefixOf(namespace)}running`))) {
    if (count !== "0") problems.push(`${count} jobs of ${queue} count as running after all were removed`);
  }
  return problems;
}

/** All keys of the server. Each scenario has its own server, so all of them are the engine's. */
async function keyNames(redis: Redis, namespace: string): Promise<readonly string[]> {
  const prefix = prefixOf(namespace);
  const names = new Set<string>();
  for await (const page of redis.scanStream({ count: 1_000 })) {
    for (const key of page as readonly string[]) {
      names.add(key.startsWith(prefix) ? key.slice(prefix.length) : `outside the namespace: ${key}`);
    }
  }
  return [...names];
}

async function unexpected(
  redis: Redis,
  namespace: string,
  names: readonly string[],
  kinds: readonly KeyKind[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const name of names) {
    const kind = kinds.find(({ pattern }) => pattern.test(name));
    const key = `${prefixOf(namespace)}${name}`;
    if (!kind) problems.push(`the key ${name} (${await redis.type(key)}) is left over`);
    // -2 if the key has expired meanwhile.
    else if (kind.expires && (await redis.pttl(key)) === -1) problems.push(`the key ${name} never expires`);
  }
  return problems;
}

function prefixOf(namespace: string): string {
  return `{${namespace}}:`;
}
