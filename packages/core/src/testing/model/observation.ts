/** Fields that depend on when, not on what: two engines with different clocks differ in them. */
const INSTANTS: ReadonlySet<string> = new Set(["at", "createdAt", "runAt", "startedAt", "finishedAt"]);

/** A command's reply, or a snapshot, without its instants, as plain JSON: equal on two engines that agree. */
export function comparableReply(reply: unknown): unknown {
  return reply === undefined
    ? null
    : JSON.parse(JSON.stringify(reply, (key, value) => (INSTANTS.has(key) ? undefined : value)));
}
