import { JOB_STATES, QueueError } from "@org/queue";
import * as z from "zod/mini";
import { Refusal } from "../access/refusal.ts";
import { MAX_INTERESTS, MAX_LISTED, PROTOCOL_VERSION, type ReadRequest } from "../protocol/interests.ts";

const text = z.string().check(z.minLength(1), z.maxLength(512));
const scalar = z.union([z.string().check(z.maxLength(512)), z.number(), z.boolean()]);
const limit = z.optional(z.int().check(z.minimum(1), z.maximum(MAX_LISTED)));

const interest = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("job"), id: text }),
  z.strictObject({
    kind: z.literal("jobs"),
    user: z.optional(text),
    orderingKey: z.optional(text),
    message: z.optional(text),
    states: z.optional(z.array(z.enum(JOB_STATES))),
    limit,
  }),
  z.strictObject({ kind: z.literal("status"), table: text, key: z.record(text, scalar) }),
  z.strictObject({
    kind: z.literal("statuses"),
    table: text,
    where: z.optional(z.record(text, z.union([scalar, z.array(scalar).check(z.maxLength(100))]))),
    limit,
  }),
  z.strictObject({ kind: z.literal("stats") }),
  z.strictObject({ kind: z.literal("health") }),
]);

const schema = z.strictObject({
  protocol: z.literal(PROTOCOL_VERSION),
  interests: z.array(interest).check(z.maxLength(MAX_INTERESTS)),
  known: z.array(z.nullable(z.string().check(z.maxLength(64)))).check(z.maxLength(MAX_INTERESTS)),
  knownJobs: z.optional(z.record(text, z.string().check(z.maxLength(64)))),
});

/** @throws {Refusal} `OUTDATED_CLIENT`; {QueueError} `INVALID_OPTIONS`. */
export function parseReadRequest(body: unknown): ReadRequest {
  const { protocol } = Object(body) as { readonly protocol?: unknown };
  if (typeof protocol === "number" && protocol !== PROTOCOL_VERSION) throw new Refusal("OUTDATED_CLIENT");
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data as ReadRequest;
  const { path = [], message = "" } = parsed.error.issues[0] ?? {};
  throw new QueueError("INVALID_OPTIONS", `The request's ${path.join(".")}: ${message}`);
}
