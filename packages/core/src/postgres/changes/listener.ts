/**
 * Receives the notifications of Postgres (`LISTEN`). One listener serves a whole process, over its own connection.
 */
export interface ChangeListener {
  /**
   * Calls `onMessage` with the payload of every notification on a channel. Resolves once the listener is active. If the
   * database is away it resolves too, and the listener becomes active on its own, as after a lost connection. It then
   * calls `onGap`: notifications may have been missed. Neither callback may throw.
   *
   * @returns a function that stops listening
   * @throws {QueueError} `DATABASE_MISCONFIGURED` if Postgres permanently rejects the connection; `CLOSED`.
   */
  listen(
    channel: string,
    onMessage: (payload: string) => void,
    onGap: () => void,
  ): Promise<() => Promise<void>>;
  /** Closes the connection. Safe to call twice. */
  close(): Promise<void>;
}
