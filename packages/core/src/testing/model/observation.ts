/** Fields that depend on when, or are opaque: two engines that agree differ in them. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "at",
  "createdAt",
  "runAt",
  "startedAt",
  "finishedAt",
  "token",
]);

/** A command's reply, or a snapshot, without its instants and tokens, as plain JSON: equal on two engines that agree. */
export function comparableReply(reply: unknown): unknown {
  return reply === undefined
    ? null
    : JSON.parse(JSON.stringify(reply, (key, value) => (OWN_FIELDS.has(key) ? undefined : value)));
}
