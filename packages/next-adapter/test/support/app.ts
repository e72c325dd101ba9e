import { createQueue, createRegistry, createWorker, defineMessage } from "@org/queue";
import * as z from "zod";
import type { Authorize } from "../../src/access/authorize.ts";

export const planCreate = defineMessage("PLAN_CREATE", {
  data: z.object({ planId: z.string().min(1), name: z.string(), weeks: z.int().optional() }),
  result: z.object({ planId: z.string(), secret: z.string() }),
  sensitive: { data: ["name"], result: ["secret"] },
  queue: "plans",
  retry: { attempts: 2, backoff: { type: "fixed", delay: 1 } },
});
const remind = defineMessage("REMIND", {
  data: z.object({
    at: z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    }),
  }),
});
const email = defineMessage("EMAIL", { data: z.object({ to: z.email() }) });
const registry = createRegistry([planCreate, remind, email]);
export type AppMessage = (typeof registry.messages)[number];

/** A queue on the embedded engine, with a worker. */
export async function openApp() {
  const queue = createQueue({ registry, logger: { warn: () => {}, error: console.error } });
  const worker = createWorker(queue, { concurrency: 5 })
    .handle(planCreate, async ({ data }) => {
      if (data.name === "fail") throw new Error("postgres://user:pw@10.0.0.1 refused");
      return { planId: data.planId, secret: "s3cret" };
    })
    .handle(remind, async () => {})
    .handle(email, async () => {});
  await worker.start();
  return {
    queue,
    worker,
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await queue.close();
    },
  };
}

/** Who is signed in is in a header, as a session is in a cookie. */
export const authorize: Authorize<AppMessage> = (access) => {
  const user = access.request?.headers.get("x-user");
  if (!user) return null;
  if (user === "admin") return { userId: "admin", allow: true };
  if (access.action === "send") return { userId: user, allow: access.message !== "EMAIL" };
  return { userId: user };
};

/** The same for server actions, which have no request. */
export function signedInAs(user: string | null): Authorize<AppMessage> {
  return (access) => {
    const request = new Request("http://app", { headers: user === null ? {} : { "x-user": user } });
    return authorize({ ...access, request });
  };
}
