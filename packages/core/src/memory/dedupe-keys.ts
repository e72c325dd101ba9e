import { Heap } from "./heap.ts";

interface Entry {
  readonly key: string;
  readonly id: string;
  readonly until: number;
}

/** Which job a dedupe key stands for, for the window that its first send opened. */
export class DedupeKeys {
  readonly #entries = new Map<string, Entry>();
  readonly #byExpiry = new Heap<Entry>((a, b) => a.until < b.until);

  get(key: string, now: number): string | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.until > now ? entry.id : undefined;
  }

  set(key: string, id: string, until: number): void {
    const entry = { key, id, until };
    this.#entries.set(key, entry);
    this.#byExpiry.push(entry);
  }

  /** Forgets up to `limit` whose window is over. Answers how many. */
  trim(now: number, limit: number): number {
    let trimmed = 0;
    while (trimmed < limit && this.#byExpiry.first && this.#byExpiry.first.until <= now) {
      const entry = this.#byExpiry.pop()!;
      if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
      trimmed++;
    }
    return trimmed;
  }
}
