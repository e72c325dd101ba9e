import { createRegistry, defineMessage } from "@org/queue/contract";
import * as z from "zod";

export const save = defineMessage("SAVE", {
  data: z.object({
    text: z.string().min(1).max(200),
    fail: z.boolean().optional(),
    wait: z.int().max(60_000).optional(),
  }),
  result: z.object({ length: z.int() }),
  progress: z.object({ step: z.int() }),
  retry: { attempts: 1 },
});
const secret = defineMessage("SECRET", { data: z.object({ text: z.string() }) });
export const registry = createRegistry([save, secret]);
