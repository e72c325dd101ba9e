import * as z from "zod";

/** The data of a job, as a user of this library would declare it. Peers get the same data, unchecked. */
export const payloadSchema = z.object({
  id: z.uuid(),
  name: z.string().min(1),
  count: z.int(),
  note: z.string(),
});

export type Payload = z.infer<typeof payloadSchema>;

const BYTES = 250;
/** Added to a job's index, so that all payloads have the same length. */
const FIRST = 10_000_000;

const withoutNote = { id: "0198c6f1-6c1f-7a3a-9d0e-3f6f2c9a7b11", name: "A payload of an ordinary size" };
const note = "x".repeat(BYTES - JSON.stringify({ ...withoutNote, count: FIRST, note: "" }).length);

/** A payload of 250 bytes of JSON that contains the job's index. */
export function payloadOf(index: number): Payload {
  return { ...withoutNote, count: FIRST + index, note };
}

export function indexOf(payload: Payload): number {
  return payload.count - FIRST;
}
