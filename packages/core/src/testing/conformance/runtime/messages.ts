import * as z from "zod/mini";
import { defineMessage } from "../../../contract/message.ts";
import { createRegistry } from "../../../contract/registry.ts";
import { SOON } from "../timing.ts";

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/** Returns its data. */
export const echo = defineMessage("ECHO", {
  data: z.object({ text: z.string() }),
  result: z.object({ text: z.string() }),
  progress: z.object({ done: z.int() }),
  queue: "stage",
  retry: { attempts: 3, backoff: { type: "exponential", delay: SOON } },
});

/** Jobs of one plan run in order. */
export const step = defineMessage("STEP", {
  data: z.object({ plan: z.string(), index: z.int() }),
  queue: "stage",
  orderingKey: (data) => data.plan,
  retry: { attempts: 3, backoff: { type: "fixed", delay: 0 } },
});

/** Has data that JSON can't represent. */
export const dated = defineMessage("DATED", {
  data: z.object({ at: isoDate }),
  result: z.object({ next: isoDate }),
  queue: "stage",
});

/** Has neither data nor a result. */
export const empty = defineMessage("EMPTY", { data: z.void(), result: z.void(), queue: "stage" });

/** Has a timeout. */
export const timed = defineMessage("TIMED", {
  data: z.object({}),
  queue: "stage",
  timeout: SOON,
  retry: { attempts: 2, backoff: { type: "fixed", delay: 0 } },
});

/** Has small limits. */
export const capped = defineMessage("CAPPED", {
  data: z.object({ text: z.string() }),
  result: z.object({ text: z.string() }),
  progress: z.object({ text: z.string() }),
  queue: "stage",
  limits: { data: 200, metadata: 100, result: 100, progress: 100, error: 600, log: 50 },
});

/** Keeps no finished jobs. */
const none = { completed: { count: 0 }, failed: { count: 0 } };

export const forgotten = defineMessage("FORGOTTEN", {
  data: z.object({ text: z.string() }),
  result: z.object({ text: z.string() }),
  queue: "stage",
  retain: none,
  retry: { attempts: 1 },
});

export const silent = defineMessage("SILENT", { data: z.object({}), queue: "stage", retain: none });

export const text = (value: string) => ({ text: value });

export const stageRegistry = createRegistry([echo, step, dated, empty, timed, capped, forgotten, silent]);

export type StageMessage = (typeof stageRegistry.messages)[number];
