import type { QueueError } from "../../errors/queue-error.ts";
import type { Script } from "./script.ts";

/** What the redis engine needs of its connections. */
export interface RedisConnection {
  /**
   * What keeps it from working now, for `health()`: the server is away, refuses us, or no messages arrive.
   * `undefined` while all is well, and before the first call.
   */
  readonly problem: QueueError | undefined;
  /**
   * Runs a script with `KEYS[1]` the prefix of the namespace's keys and `KEYS[2]` that of its channels. It runs at most once for each call: whether it did is
   * unknown when the answer is an error that says the connection was lost.
   *
   * @throws {QueueError} `ENGINE_UNAVAILABLE` (retryable) when the server is away, was lost meanwhile or doesn't
   * answer; `ENGINE_FULL` (retryable) at `maxmemory`; `ENGINE_MISCONFIGURED` when it refuses us or must not be
   * used as it is set up; `CLOSED`.
   */
  run(script: Script, args: readonly (string | number)[]): Promise<unknown>;
  /**
   * Calls `onMessage` for every message on a channel of the namespace and database from now on; answers once that is in force. It comes back
   * into force by itself after a lost connection: then `onGap` is called, since messages may have been missed.
   * Neither may throw.
   *
   * @throws {QueueError} as `run`
   */
  listen(
    channel: string,
    onMessage: (message: string) => void,
    onGap?: () => void,
  ): Promise<() => Promise<void>>;
  /**
   * Resolves once every message that the server has published until now was handed to `onMessage`. Messages of a
   * connection that is being replaced are lost, and not waited for.
   */
  delivered(): Promise<void>;
  /**
   * Milliseconds that a round trip to the primary took. What `problem` says is asked again where it was a refusal to
   * publish or to listen.
   *
   * @throws {QueueError} as `run`
   */
  ping(): Promise<number>;
  /** Ends both connections. Calls under way are rejected with `CLOSED`. Safe to call twice. */
  close(): Promise<void>;
}
