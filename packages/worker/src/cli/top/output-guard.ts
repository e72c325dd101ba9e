import type { Writable } from "node:stream";

/** Characters of other output that are kept for later. */
const MAX_HELD = 16_384;

/** Keeps what the app prints off the screen, and prints it once the screen is given back. */
export class OutputGuard {
  readonly #stdout: Writable;
  #releases: (() => void)[] = [];
  #held = "";
  #write: Writable["write"];

  constructor(stdout: Writable) {
    this.#stdout = stdout;
    this.#write = stdout.write.bind(stdout);
  }

  /** What goes to the screen. */
  write(text: string): void {
    this.#write(text);
  }

  hold(): void {
    for (const stream of [this.#stdout, process.stderr]) {
      const own = Object.getOwnPropertyDescriptor(stream, "write");
      const write = ((chunk: string | Uint8Array, encoding?: unknown, callback?: unknown) => {
        const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
        this.#held = `${this.#held}${text}`.slice(-MAX_HELD);
        const done = typeof encoding === "function" ? encoding : callback;
        if (typeof done === "function") process.nextTick(() => done());
        return true;
      }) as typeof stream.write;
      stream.write = write;
      this.#releases.push(() => {
        if (own) Object.defineProperty(stream, "write", own);
        else Reflect.deleteProperty(stream, "write");
      });
    }
  }

  release(): void {
    for (const release of this.#releases) release();
    this.#releases = [];
    if (this.#held !== "") process.stderr.write(this.#held);
    this.#held = "";
  }
}
