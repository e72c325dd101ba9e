import { setTimeout as sleep } from "node:timers/promises";
import { createQueue, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { HistoryFile } from "../history/history-file.ts";
import { historyObserver } from "../history/history-observer.ts";
import { observeEngine } from "../history/observe-engine.ts";
import { registry, step } from "../messages.ts";
import { monotonic } from "../monotonic.ts";
import type { Stage } from "../stage/stage.ts";

/** A process that sends, waits and subscribes, like a web server. */
export class ListeningApp {
  readonly #queue: Queue<typeof step>;
  #close: () => Promise<void>;
  #gaps = 0;
  #onGap = () => {};
  #sent = 0;

  private constructor(stage: Stage, url: string) {
    const observer = historyObserver("listening", new HistoryFile(stage.newHistory("listening")));
    const engine = observeEngine(redisEngine({ url, namespace: stage.namespace }), observer);
    this.#queue = createQueue({ registry, engine, logger: { warn() {}, error() {} } });
    this.#close = async () => {
      await this.#queue.close();
      await engine.core.close();
    };
  }

  static async start(stage: Stage, url: string): Promise<ListeningApp> {
    const listening = new ListeningApp(stage, url);
    const onGap = () => {
      listening.#gaps++;
      listening.#onGap();
    };
    await listening.#queue.subscribe(() => {}, { onGap });
    return listening;
  }

  get gaps(): number {
    return this.#gaps;
  }

  /** Resolves on the next gap from now on. */
  gap(): Promise<void> {
    return new Promise((resolve) => {
      this.#onGap = resolve;
    });
  }

  health() {
    return this.#queue.health();
  }

  /** Sends a job, with retries while the server is away, and waits for its end. Returns the duration of the wait. */
  async sendAndWait(): Promise<number> {
    const id = `waited-${this.#sent++}`;
    for (;;) {
      try {
        await this.#queue.send(step, { work: "return" }, { id });
        break;
      } catch {
        await sleep(50);
      }
    }
    const since = monotonic();
    await this.#queue.wait(id);
    return monotonic() - since;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
