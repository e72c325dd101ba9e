import { createRegistry, defineMessage } from "@org/queue/contract";
import { payloadSchema } from "../../peers/payload.ts";

export const ping = defineMessage("PING", { data: payloadSchema, retain: { completed: { count: 0 } } });
export const registry = createRegistry([ping]);
