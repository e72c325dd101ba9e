import type { AnyStatusTable, StatusChange, StatusKey } from "@org/queue/postgres";
import type { StatusSubject } from "../access/authorize.ts";
import { type StatusSource, toWireRow, type WireRow } from "../gateway/status-gateway.ts";
import type { ErrorReporter } from "./error-reporter.ts";
import { Pacer } from "./pacer.ts";
import { Topic } from "./topic.ts";

/** Milliseconds between two reads of one list. */
const INTERVAL = 200;

/** The status of one subject. `null`: nothing has run for it yet. */
export type StatusTopic = Topic<WireRow | null>;

/** Rows of a table that have certain values. */
export class StatusListTopic extends Topic<readonly WireRow[]> {
  readonly where: Readonly<Record<string, unknown>>;
  readonly limit: number;

  constructor(key: string, where: Readonly<Record<string, unknown>>, limit: number) {
    super(key);
    this.where = where;
    this.limit = limit;
  }

  selects(row: object): boolean {
    return Object.entries(this.where).every(([name, wanted]) =>
      [wanted].flat().some((value) => String(value) === String(Reflect.get(row, name))),
    );
  }
}

interface ListEntry {
  readonly topic: StatusListTopic;
  readonly pacer: Pacer;
}

/** The statuses of one table that clients follow, by one subscription. */
export class StatusTopics {
  readonly #prefixes: { readonly row: string; readonly list: string };
  readonly #source: StatusSource;
  readonly #onError: ErrorReporter;
  readonly #rows = new Map<string, { readonly topic: StatusTopic; readonly subject: StatusSubject }>();
  readonly #lists = new Map<string, ListEntry>();
  #subscription: Promise<() => Promise<void>> | undefined;

  /** @param table its name among the routes' tables, which no other has */
  constructor(table: string, source: StatusSource, onError: ErrorReporter) {
    this.#prefixes = { row: `status:${table}:`, list: `statuses:${table}:` };
    this.#source = source;
    this.#onError = onError;
  }

  get size(): number {
    return this.#rows.size + this.#lists.size;
  }

  open(subject: StatusSubject): StatusTopic {
    const key = this.#keyText(subject);
    const known = this.#rows.get(key);
    if (known) return known.topic;
    const topic: StatusTopic = new Topic(`${this.#prefixes.row}${key}`);
    this.#rows.set(key, { topic, subject });
    void this.#load(topic, subject);
    return topic;
  }

  openList(where: Readonly<Record<string, unknown>>, limit: number): StatusListTopic {
    const key = JSON.stringify([Object.entries(where).toSorted(([a], [b]) => (a < b ? -1 : 1)), limit]);
    let entry = this.#lists.get(key);
    if (!entry) {
      const topic = new StatusListTopic(`${this.#prefixes.list}${key}`, where, limit);
      entry = { topic, pacer: new Pacer(() => this.#loadList(topic), INTERVAL) };
      this.#lists.set(key, entry);
    }
    entry.pacer.ask();
    return entry.topic;
  }

  close(topic: Topic): void {
    if (topic.watchers.size > 0) return;
    const { row, list } = this.#prefixes;
    if (topic.key.startsWith(list)) {
      const key = topic.key.slice(list.length);
      this.#lists.get(key)?.pacer.stop();
      this.#lists.delete(key);
    } else if (topic.key.startsWith(row)) this.#rows.delete(topic.key.slice(row.length));
    if (this.size === 0) void this.stop();
  }

  /** Reads what couldn't be read before. */
  retry(): void {
    for (const { topic, subject } of this.#rows.values()) if (topic.error) void this.#load(topic, subject);
    for (const { topic, pacer } of this.#lists.values()) if (topic.error) pacer.ask();
  }

  async stop(): Promise<void> {
    for (const { pacer } of this.#lists.values()) pacer.stop();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    const unsubscribe = await subscription?.catch(() => undefined);
    await unsubscribe?.();
  }

  /** Before anything is read, so that no change falls between. */
  #subscribed(): Promise<unknown> {
    this.#subscription ??= this.#source.store
      .subscribe((change) => this.#onChange(change))
      .catch((error: unknown) => {
        this.#subscription = undefined;
        throw error;
      });
    return this.#subscription;
  }

  #onChange({ key, row }: StatusChange<AnyStatusTable>): void {
    const text = this.#keyText(key);
    const wire = row && toWireRow(row, this.#source);
    this.#rows.get(text)?.topic.set(wire);
    for (const { topic, pacer } of this.#lists.values()) {
      const has = topic.value?.some((listed) => this.#keyText(listed) === text) ?? false;
      if (has || (row !== null && topic.selects(row))) pacer.ask();
    }
  }

  async #load(topic: StatusTopic, subject: StatusSubject): Promise<void> {
    try {
      await this.#subscribed();
      const row = await this.#source.store.get(subject as StatusKey<AnyStatusTable>);
      // A change that came meanwhile is newer.
      if (!topic.isLoaded || topic.error) topic.set(row && toWireRow(row, this.#source));
    } catch (error) {
      topic.fail(this.#onError(error));
    }
  }

  async #loadList(topic: StatusListTopic): Promise<void> {
    try {
      await this.#subscribed();
      const { rows } = await this.#source.store.list({ where: topic.where as object, limit: topic.limit });
      topic.set(rows.map((row) => toWireRow(row, this.#source)));
    } catch (error) {
      topic.fail(this.#onError(error));
    }
  }

  #keyText(subject: object): string {
    return JSON.stringify(this.#source.store.keyNames.map((name) => String(Reflect.get(subject, name))));
  }
}
