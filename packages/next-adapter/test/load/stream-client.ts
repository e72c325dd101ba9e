import { type ClientRequest, request } from "node:http";
import { eventParser } from "../../src/client/event-parser.ts";
import { PROTOCOL_VERSION } from "../../src/protocol/interests.ts";
import type { PublicJob } from "../../src/protocol/public-job.ts";

/** What clients have seen, of all of them. */
export class LoadFigures {
  /** Milliseconds from a job's end, by the engine's clock on this machine, to its arrival. */
  readonly latencies: number[] = [];
  changes = 0;
  ready = 0;
  ended = 0;
}

/** One browser, as far as the server can tell. Follows jobs until it is closed, over one stream after another. */
export class StreamClient {
  readonly #url: string;
  readonly #ids: readonly string[];
  readonly #figures: LoadFigures;
  #request: ClientRequest | undefined;
  #isClosed = false;
  #wasReady = false;

  constructor(url: string, ids: readonly string[], figures: LoadFigures) {
    this.#url = url;
    this.#ids = ids;
    this.#figures = figures;
  }

  open(): void {
    const body = JSON.stringify({
      protocol: PROTOCOL_VERSION,
      interests: this.#ids.map((id) => ({ kind: "job", id })),
      known: this.#ids.map(() => null),
    });
    const opened = request(`${this.#url}/api/queue/stream`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    });
    this.#request = opened;
    // What a stream begins with has been so for a while.
    let isReady = false;
    const feed = eventParser((event) => {
      if (event.event === "ready") {
        if (!this.#wasReady) this.#figures.ready++;
        this.#wasReady = isReady = true;
      }
      if (event.event === "renew") this.open();
      if (event.event === "changes" && isReady) for (const one of event.data) this.#take(one as never);
    });
    opened.on("response", (response) => {
      response.setEncoding("utf8").on("data", feed);
      response.on("close", () => this.#onEnd(opened));
    });
    opened.on("error", () => this.#onEnd(opened));
    opened.end(body);
  }

  close(): void {
    this.#isClosed = true;
    this.#request?.destroy();
  }

  #take({ value }: { readonly value?: PublicJob | null }): void {
    this.#figures.changes++;
    if (value?.state !== "cancelled" || value.finishedAt === undefined) return;
    this.#figures.latencies.push(Date.now() - Date.parse(value.finishedAt));
  }

  #onEnd(opened: ClientRequest): void {
    if (this.#isClosed || this.#request !== opened) return;
    this.#figures.ended++;
    setTimeout(() => {
      if (!this.#isClosed) this.open();
    }, 200);
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
