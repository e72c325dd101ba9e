import { closestName } from "../../contract/closest-name.ts";
import type { Message } from "../../contract/message.ts";
import { isWellFormed, MAX_KEY_LENGTH, NAME_PATTERN, NOT_WELL_FORMED } from "../../contract/names.ts";
import type { Registry } from "../../contract/registry.ts";
import { JOB_STATES, type JobState } from "../../engine/state-machine.ts";
import { describeValue } from "../../errors/describe-value.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { JobFilterOptions, SearchOptions } from "../read/job-filter.ts";
import type { SearchValue } from "../send/search-values.ts";
import { type Condition, type ConditionValue, readConditions } from "./conditions.ts";
import { DATA_PREFIX, JOB_QUERY_QUALIFIERS } from "./qualifiers.ts";
import { JobQueryError } from "./query-error.ts";
import { parseTimes } from "./query-times.ts";
import { parseSearchValue } from "./search-terms.ts";

/** What a text selects. */
export interface JobQuery<M extends Message = Message> {
  /** Without the condition of `errorText`. */
  readonly filter: JobFilterOptions<M>;
  /** Of `error:` with a text: `resolveJobQuery` finds its failure group. */
  readonly errorText?: string;
}

export interface ParseJobQueryOptions<M extends Message = Message> {
  /** Whose messages, queues and searchable fields the text may name. It may name those of other apps, too. */
  readonly registry: Registry<M>;
  /** What ages such as `<2h` count from. */
  readonly now: Date | number;
}

/** The fingerprint of a failure group, as workers make it. */
const FINGERPRINT = /^[0-9a-f]{16}$/;

/**
 * Reads the search language of jobs: conditions such as `state:failed,cancelled message:EMAIL sent:<2h`, of which each
 * must hold. `JOB_QUERY_QUALIFIERS` lists them. Quotes go around a value with spaces or commas. Days and times without a
 * zone are UTC. States, names of the registry and qualifiers are found in upper and lower case.
 *
 * @throws {JobQueryError} with the column, what was expected, and what was meant; `INVALID_OPTIONS` without a registry or a
 * time.
 *
 * @example
 * const { filter } = parseJobQuery('state:failed key:"plan 9"', { registry, now: Date.now() });
 * console.log(filter); // → { state: 'failed', orderingKey: 'plan 9' }
 */
export function parseJobQuery<M extends Message>(
  text: string,
  options: ParseJobQueryOptions<M>,
): JobQuery<M> {
  const { registry, now } = Object(options) as ParseJobQueryOptions<M>;
  if (typeof registry?.get !== "function" || !Number.isFinite(Number(now ?? Number.NaN))) {
    throw new QueueError(
      "INVALID_OPTIONS",
      "parseJobQuery: expected { registry, now }: a registry (createRegistry), and a date or milliseconds since the epoch.",
    );
  }
  if (typeof text !== "string") throw new JobQueryError(0, `expected a text, got ${describeValue(text)}.`);
  const reader = new QueryReader(registry as Registry, Number(now));
  for (const condition of readConditions(text, (word) => explainWord(word, registry as Registry))) {
    reader.add(condition);
  }
  return reader.finish() as JobQuery<M>;
}

/** The members that the conditions have set so far. */
class QueryReader {
  readonly #registry: Registry;
  readonly #now: number;
  readonly #filter: Record<string, unknown> = {};
  readonly #seen = new Set<string>();
  readonly #searches: (Condition & { readonly value: ConditionValue })[] = [];
  #errorText: string | undefined;

  constructor(registry: Registry, now: number) {
    this.#registry = registry;
    this.#now = now;
  }

  add(condition: Condition): void {
    const isData = condition.name.toLowerCase().startsWith(DATA_PREFIX);
    const name = isData ? condition.name.slice(DATA_PREFIX.length) : condition.name.toLowerCase();
    const { position, values } = condition;
    const qualifier = isData
      ? JOB_QUERY_QUALIFIERS.at(-1)!
      : JOB_QUERY_QUALIFIERS.find((each) => each.name === name);
    if (!qualifier || (isData && name === ""))
      throw new JobQueryError(position, explainUnknown(condition.name));
    const shown = isData ? condition.name : name;
    if (this.#seen.has(shown)) {
      const hint = qualifier.isList ? ` Join its values: ${shown}:a,b.` : "";
      throw new JobQueryError(position, `${shown}: is given twice.${hint}`);
    }
    this.#seen.add(shown);
    const [first, second] = values as readonly [ConditionValue, ConditionValue?];
    if (second && !qualifier.isList) {
      const whole = JSON.stringify(values.map(({ text }) => text).join(","));
      throw new JobQueryError(
        second.position,
        `${shown}: takes one value. If the comma belongs to it, put it in quotes: ${shown}:${whole}.`,
      );
    }
    if (isData) this.#searches.push({ ...condition, name, value: first });
    else this.#read(name, values, first);
  }

  #read(name: string, values: readonly ConditionValue[], first: ConditionValue): void {
    const filter = this.#filter;
    const { messages, queues } = this.#registry;
    if (name === "state") filter.state = oneOrList(values.map((value) => readState(value)));
    else if (name === "message") {
      const names = messages.map((message) => message.name);
      filter.message = oneOrList(values.map((value) => readName(value, "message", names)));
    } else if (name === "queue")
      filter.queue = oneOrList(values.map((value) => readName(value, "queue", queues)));
    else if (name === "user") filter.userId = readKey(first);
    else if (name === "key") filter.orderingKey = readKey(first);
    else if (name === "error") {
      if (FINGERPRINT.test(first.text)) filter.failureGroup = first.text;
      else this.#errorText = readKey(first);
    } else {
      const { from, to } = parseTimes(name, first, this.#now);
      if (from !== undefined) filter[`${name}From`] = from;
      if (to !== undefined) filter[`${name}To`] = to;
    }
  }

  finish(): JobQuery {
    if (this.#searches.length > 0) this.#filter.search = this.#search();
    return {
      filter: this.#filter as JobFilterOptions,
      ...(this.#errorText !== undefined && { errorText: this.#errorText }),
    };
  }

  /** Fields belong to one message. The only one that has them needn't be named. */
  #search(): SearchOptions {
    const wanted = this.#searches;
    const { position } = wanted[0]!;
    const having = this.#registry.messages.filter(({ searchable }) =>
      wanted.every(({ name }) => searchable.includes(name)),
    );
    this.#filter.message ??= having.length === 1 ? having[0]!.name : undefined;
    const { message: named } = this.#filter;
    const message = typeof named === "string" ? this.#registry.get(named) : undefined;
    if (!message) throw new JobQueryError(position, explainSearch(named, having));
    const values = wanted.map(({ name, position: at, value }): readonly [string, SearchValue] => {
      if (!message.searchable.includes(name)) throw new JobQueryError(at, explainField(name, message));
      return [name, parseSearchValue(message, name, value)];
    });
    return Object.fromEntries(values);
  }
}

function oneOrList<T>(values: readonly T[]): T | readonly T[] {
  const unique = [...new Set(values)];
  return unique.length === 1 ? unique[0]! : unique;
}

function readState({ text, position }: ConditionValue): JobState {
  const state = JOB_STATES.find((each) => each === text.toLowerCase());
  if (state) return state;
  const close = closestName(text.toLowerCase(), JOB_STATES);
  throw new JobQueryError(
    position,
    `there is no state ${describeValue(text)}. ${close ? `Did you mean ${close}?` : `The states are ${JOB_STATES.join(", ")}.`}`,
  );
}

/** Another app may have it: `queue.list` knows. */
function readName({ text, position }: ConditionValue, what: string, known: readonly string[]): string {
  if (known.includes(text)) return text;
  const folded = known.filter((name) => name.toLowerCase() === text.toLowerCase());
  if (folded.length === 1) return folded[0]!;
  if (NAME_PATTERN.test(text)) return text;
  const close = closestName(text, known);
  throw new JobQueryError(
    position,
    `${describeValue(text)} can't be the name of a ${what}.${close ? ` Did you mean ${close}?` : ""}`,
  );
}

function readKey({ text, position }: ConditionValue): string {
  if (text === "") throw new JobQueryError(position, "the value is empty.");
  if (text.length > MAX_KEY_LENGTH) {
    throw new JobQueryError(position, `the value has more than ${MAX_KEY_LENGTH} characters.`);
  }
  if (!isWellFormed(text)) throw new JobQueryError(position, `${NOT_WELL_FORMED}.`);
  return text;
}

function explainUnknown(name: string): string {
  const names = JOB_QUERY_QUALIFIERS.map((qualifier) => qualifier.name);
  if (/^[-!]/.test(name) && names.includes(name.slice(1))) {
    return `conditions can't be negated. Name what you look for instead of ${name}:.`;
  }
  const close = closestName(name.toLowerCase(), names);
  return `there is no qualifier ${describeValue(name)}. ${close ? `Did you mean ${close}:?` : `The qualifiers are ${names.join(", ")}.`}`;
}

function explainWord(word: string, { messages, queues }: Registry): string {
  const meant = [
    ["state", JOB_STATES],
    ["message", messages.map(({ name }) => name)],
    ["queue", queues],
  ] as const;
  for (const [qualifier, values] of meant) {
    const exact = values.find((value) => value.toLowerCase() === word.toLowerCase());
    const found = exact ?? closestName(word, values);
    if (found !== undefined)
      return `${describeValue(word)} has no qualifier. Did you mean ${qualifier}:${found}?`;
  }
  return (
    `${describeValue(word)} has no qualifier. Write conditions such as state:failed or message:NAME, and quotes around a ` +
    "value with spaces. A job is read by its id, not searched for."
  );
}

function explainSearch(named: unknown, having: readonly Message[]): string {
  if (Array.isArray(named)) return "data. looks into the jobs of one message. Name one with message:.";
  if (typeof named === "string")
    return `the fields of ${describeValue(named)} aren't known here: its contract isn't in the registry.`;
  const names = having.map(({ name }) => name);
  return names.length > 0
    ? `data. looks into the jobs of one message. Add ${names.map((name) => `message:${name}`).join(" or ")}.`
    : "no message has all of these searchable fields. They are declared with defineMessage(…, { searchable }).";
}

function explainField(path: string, { name, searchable }: Message): string {
  if (searchable.length === 0) return `${name} has no searchable fields.`;
  const close = closestName(path, searchable);
  return (
    `${describeValue(path)} isn't a searchable field of ${name}. ` +
    (close ? `Did you mean data.${close}:?` : `Its searchable fields are ${searchable.join(", ")}.`)
  );
}
