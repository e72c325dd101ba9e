/**
 * Hears what Postgres sends with `NOTIFY`. One listener serves a whole process, over a connection of its own.
 */
export interface ChangeListener {
  /**
   * Calls `onMessage` with the payload of every notification on a channel. Answers once that is in force; when the
   * database is away it answers too, and it comes into force by itself, as after a lost connection. Then `onGap` is
   * called: messages may have been missed, so catch up. Neither may throw.
   *
   * @returns what ends it
   * @throws {QueueError} `DATABASE_MISCONFIGURED` when Postgres refuses the connection for good; `CLOSED`.
   */
  listen(
    channel: string,
    onMessage: (payload: string) => void,
    onGap: () => void,
  ): Promise<() => Promise<void>>;
  /** Ends the connection. Safe to call twice. */
  close(): Promise<void>;
}
