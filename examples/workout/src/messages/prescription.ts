import { z } from "zod";

/** How much of an exercise one set is: repetitions, a time, a distance, or as many as possible. */
export const reps = z.discriminatedUnion("unit", [
  z
    .strictObject({
      unit: z.enum(["reps", "seconds", "metres"]),
      low: z.int().min(1).max(20_000),
      /** The upper end of a range: "8-10" is 8 to 10. */
      high: z.int().max(20_000).optional(),
      perSide: z.boolean().optional(),
    })
    .refine(({ low, high }) => high === undefined || high > low, {
      path: ["high"],
      message: "a range ends above where it starts",
    }),
  z.strictObject({ unit: z.literal("amrap") }),
]);

export const load = z.discriminatedUnion("kind", [
  /** Percentage of the one-repetition maximum. */
  z.strictObject({ kind: z.literal("percent"), percent: z.number().min(1).max(150) }),
  z.strictObject({
    kind: z.literal("weight"),
    kg: z.number().min(0.5).max(1_000),
    /** 2 for a pair of dumbbells. */
    count: z.int().min(2).max(4).optional(),
    /** On top of bodyweight. */
    added: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal("bodyweight") }),
  z.strictObject({ kind: z.literal("band") }),
]);

const effort = z.number().min(1).max(10).multipleOf(0.5);

/** Rate of perceived exertion: 10 is the maximum. */
export const rpe = z
  .strictObject({ low: effort, high: effort.optional() })
  .refine(({ low, high }) => high === undefined || high > low, {
    path: ["high"],
    message: "a range ends above where it starts",
  });

/** Seconds down, at the bottom, up, at the top; X is as fast as possible. */
export const tempo = z.string().regex(/^(\d|X)-(\d|X)-(\d|X)-(\d|X)$/, "expected a tempo like 3-1-X-0");

export type Reps = z.infer<typeof reps>;
export type Load = z.infer<typeof load>;
export type Rpe = z.infer<typeof rpe>;

/** The fields of an exercise that a coach fills in, shared by all messages. */
export const prescription = {
  /** "A", or "B1" and "B2" for exercises done in turn. */
  label: z.string().regex(/^[A-Z]\d?$/, "expected a label like A or B1"),
  name: z.string().trim().min(1).max(160),
  sets: z.int().min(1).max(20),
  reps,
  load: load.optional(),
  rpe: rpe.optional(),
  tempo: tempo.optional(),
  restSeconds: z.int().min(0).max(3_600).optional(),
  notes: z.string().max(2_000).optional(),
};
