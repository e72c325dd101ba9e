import type { Message } from "../../contract/message.ts";
import { encodePayload } from "../../contract/payload.ts";
import type { Registry } from "../../contract/registry.ts";
import type { Engine } from "../../engine/engine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { shortenToBytes } from "../../errors/shorten.ts";
import type { AttemptInfo, DependencyResults, HandlerContext } from "../../middleware/handler-context.ts";
import type { Clock } from "../../timing/clock.ts";
import type { Attempt } from "../attempt/attempt.ts";
import { toAttemptInfo } from "../attempt/attempt-info.ts";
import type { Hooks } from "../attempt/hooks.ts";
import type { Heartbeats } from "../lease/heartbeats.ts";
import { LazyDependencyResults } from "./dependency-results.ts";

/** Shared by all contexts of a worker. */
export interface ContextParts {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly heartbeats: Heartbeats;
  readonly hooks: Hooks;
}

/**
 * A handler's context. All members but the data are created on access: every job that runs has a context, and most
 * handlers use little of it.
 */
export class JobContext implements HandlerContext {
  readonly data: unknown;
  readonly #attempt: Attempt;
  readonly #message: Message;
  readonly #parts: ContextParts;
  #job: AttemptInfo | undefined;
  #dependencies: DependencyResults | undefined;

  constructor(data: unknown, attempt: Attempt, message: Message, parts: ContextParts) {
    this.data = data;
    this.#attempt = attempt;
    this.#message = message;
    this.#parts = parts;
  }

  with<Members extends object>(members: Members): HandlerContext & Readonly<Members> {
    const context = new JobContext(this.data, this.#attempt, this.#message, this.#parts);
    Object.defineProperties(context, Object.getOwnPropertyDescriptors(members));
    return context as HandlerContext as HandlerContext & Readonly<Members>;
  }

  get job(): AttemptInfo {
    this.#job ??= toAttemptInfo(this.#attempt.job, this.#message.limits.metadata);
    return this.#job;
  }

  get fence(): number {
    return this.#attempt.job.epoch;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get dependencies(): DependencyResults {
    const { engine, registry } = this.#parts;
    const { id, dependsOn } = this.#attempt.job;
    this.#dependencies ??= new LazyDependencyResults(engine, registry, id, dependsOn);
    return this.#dependencies;
  }

  get progress(): (value: unknown) => void {
    return (value) => {
      const { name, codecs, limits } = this.#message;
      if (!codecs.progress) throw invalidProgress(name, "its contract has no `progress` schema");
      const what = `progress of ${name}`;
      const json = encodePayload(what, codecs.progress, value, limits.progress, "INVALID_PROGRESS");
      if (typeof json !== "string") {
        json.catch(() => undefined);
        throw invalidProgress(name, "its `progress` schema must be synchronous");
      }
      if (json === "") throw invalidProgress(name, "undefined can't be stored");
      if (this.#attempt.phase !== "running") return;
      this.#attempt.setProgress(json);
      this.#parts.heartbeats.report(this.#attempt);
      if (!this.#attempt.isLost) this.#parts.hooks.progress(this, value);
    };
  }

  get log(): (line: string) => void {
    return (line) => {
      if (this.#attempt.phase !== "running") return;
      const message = shortenToBytes(toText(line), this.#message.limits.log);
      this.#attempt.addLog({ at: this.#parts.clock.now(), message });
      this.#parts.heartbeats.report(this.#attempt);
    };
  }
}

function invalidProgress(name: string, problem: string): QueueError {
  return new QueueError("INVALID_PROGRESS", `${name} can't report progress: ${problem}.`);
}

/** A line that isn't text, which the type forbids, must not fail the job. */
function toText(line: unknown): string {
  try {
    return String(line);
  } catch {
    return "a value that can't be shown";
  }
}
