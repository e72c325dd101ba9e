import * as z from "zod/mini";
import type { Message } from "../contract/message.ts";
import { duration, parseOptions } from "../contract/options.ts";
import { isTerminal, JOB_STATES, type JobState } from "../engine/state-machine.ts";
import { QueueError } from "../errors/queue-error.ts";
import { idOf, type JobReference } from "../queue/job-reference.ts";
import type { Queue } from "../queue/queue.ts";
import type { JobSnapshot } from "../queue/read/job-snapshot.ts";
import type { JobHandle } from "../queue/send/job-handle.ts";

/** What `waitFor` takes. */
export interface WaitForOptions {
  /** Real milliseconds, regardless of the queue's clock. @default 3_000 */
  readonly timeout?: number | undefined;
}

const stateSchema = z.strictObject({ state: z.enum(JOB_STATES) });
const optionsSchema = z.strictObject({ timeout: z._default(duration(), 3_000) });

/**
 * Resolves with the job once it has reached a state, also if it did so before the call. Doesn't advance the clock: call
 * `clock.advance()` or `drain()`.
 *
 * @throws {QueueError} `INVALID_STATE` if the job ended in another state, `JOB_NOT_FOUND`, `WAIT_TIMEOUT` with an
 * explanation of what the job waits for, `INVALID_OPTIONS`.
 *
 * @example
 * const running = waitFor(queue, plan, "active");
 * await clock.advance(1_000);
 * expect((await running).attempt).toBe(1);
 */
export async function waitFor<M extends Message, T extends M = M>(
  queue: Queue<M>,
  job: JobHandle<T> | JobReference,
  state: JobState,
  options: WaitForOptions = {},
): Promise<JobSnapshot<T>> {
  parseOptions("waitFor", stateSchema, { state });
  const { timeout } = parseOptions("waitFor", optionsSchema, options);
  const id = idOf(job);
  const seen = new Set<string>();
  let check: () => void = () => {};
  const unsubscribe = await queue.subscribe(
    ({ type }) => {
      seen.add(type);
      check();
    },
    { jobs: [id] },
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise((resolve, reject) => {
      check = () => {
        // Checked before the read, because an event may arrive before the snapshot shows its state.
        const wasSeen = seen.has(state);
        queue.get(job).then((snapshot) => {
          if (!snapshot) void notFoundError(queue, id).then(reject, reject);
          else if (wasSeen || hasBeen(snapshot, state)) resolve(snapshot as JobSnapshot<T>);
          else if (isTerminal(snapshot.state)) reject(endedError(snapshot, state));
        }, reject);
      };
      timer = setTimeout(() => void timeoutError(queue, id, state, timeout).then(reject, reject), timeout);
      check();
    });
  } finally {
    clearTimeout(timer);
    await unsubscribe();
  }
}

function hasBeen(snapshot: JobSnapshot, state: JobState): boolean {
  return snapshot.state === state || (state === "active" && snapshot.startedAt !== undefined);
}

function endedError({ id, state, error }: JobSnapshot, wanted: JobState): QueueError {
  const why = error ? ` (${error.code}: ${error.message})` : "";
  return new QueueError("INVALID_STATE", `The job ${id} is ${state}${why} and won't be ${wanted}.`);
}

async function notFoundError(queue: Queue, id: string): Promise<QueueError> {
  return new QueueError("JOB_NOT_FOUND", (await queue.explain(id)).summary);
}

async function timeoutError(queue: Queue, id: string, state: JobState, timeout: number): Promise<QueueError> {
  const { summary } = await queue.explain(id);
  return new QueueError("WAIT_TIMEOUT", `The job ${id} wasn't ${state} within ${timeout} ms. ${summary}`);
}
