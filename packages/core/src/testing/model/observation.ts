/** Timestamps and opaque fields, which differ between equivalent engines. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "at",
  "createdAt",
  "runAt",
  "startedAt",
  "finishedAt",
  "firstAt",
  "lastAt",
  "hour",
  "token",
]);

/** A reply or a snapshot as plain JSON, without timestamps and tokens. Equal on equivalent engines. */
export function comparableReply(reply: unknown): unknown {
  return reply === undefined
    ? null
    : JSON.parse(JSON.stringify(reply, (key, value) => (OWN_FIELDS.has(key) ? undefined : value)));
}
