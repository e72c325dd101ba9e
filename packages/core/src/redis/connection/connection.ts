import type { Finding } from "../../engine/finding.ts";
import type { QueueError } from "../../errors/queue-error.ts";
import type { Script } from "./script.ts";

/** What the redis engine needs of its connections. */
export interface RedisConnection {
  /**
   * What keeps it from working now, for `health()`: the server is away, refuses the engine, or no messages arrive.
   * `undefined` while all is well, and before the first call.
   */
  readonly problem: QueueError | undefined;
  /**
   * Runs a script with `KEYS[1]` the prefix of the namespace's keys and `KEYS[2]` the prefix of its channels. Each call
   * runs it at most once. If the error says that the connection was lost, the script may or may not have run.
   *
   * @throws {QueueError} `ENGINE_UNAVAILABLE` (retryable): the server is away, was lost during the call or doesn't
   * answer. `ENGINE_FULL` (retryable): at `maxmemory`. `ENGINE_MISCONFIGURED`: the server refuses the engine, or has a
   * setting that loses jobs. `CLOSED`.
   */
  run(script: Script, args: readonly (string | number)[]): Promise<unknown>;
  /**
   * Calls `onMessage` for every message on a channel of the namespace and database. Resolves once the subscription is
   * active. It is restored after a lost connection, and then `onGap` is called: messages may have been missed.
   * Neither callback may throw. The function that it resolves with unsubscribes.
   *
   * @throws {QueueError} as `run`
   */
  listen(
    channel: string,
    onMessage: (message: string) => void,
    onGap?: () => void,
  ): Promise<() => Promise<void>>;
  /**
   * Resolves once `onMessage` was called for every message that the server has published until now. Doesn't wait for
   * messages of a lost connection.
   */
  delivered(): Promise<void>;
  /**
   * Milliseconds that a round trip to the primary took. If `problem` is a refusal to publish or to subscribe, that is
   * tried again.
   *
   * @throws {QueueError} as `run`
   */
  ping(): Promise<number>;
  /** Looks at the server and the user's rights, over a connection of its own. Never rejects. */
  diagnose(): Promise<readonly Finding[]>;
  /** Closes both connections and rejects pending calls with `CLOSED`. Safe to call twice. */
  close(): Promise<void>;
}
