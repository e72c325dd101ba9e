/** Longest that a scrape waits for an answer, in milliseconds. Prometheus waits ten seconds by default. */
const TIMEOUT = 2_000;

/** A read that is shared by all who ask while it is under way: what hangs isn't asked again and again. */
export class SharedRead<T> {
  readonly #read: () => Promise<T>;
  #reading: Promise<T> | undefined;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** Rejects if there is no answer in time. */
  async get(): Promise<T> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`There was no answer within ${TIMEOUT} ms.`)), TIMEOUT);
    });
    try {
      return await Promise.race([this.#reading, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
