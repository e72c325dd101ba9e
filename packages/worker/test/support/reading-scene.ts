import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type Queue,
  UnrecoverableError,
} from "@org/queue";
import type { Engine } from "@org/queue/engine";
import * as z from "zod";

const HOSTILE = "u\u001b[2J\u202e名前";

const email = defineMessage("EMAIL", {
  data: z.object({ to: z.string(), clientId: z.string(), token: z.string() }),
  result: z.object({ receipt: z.string(), card: z.string() }),
  progress: z.object({ step: z.string() }),
  queue: "mail",
  searchable: ["clientId"],
  sensitive: { data: ["token"], result: ["card"] },
  retry: { attempts: 2, backoff: { type: "fixed", delay: 1 } },
});
const plan = defineMessage("PLAN_CREATE", {
  data: z.object({ planId: z.string() }),
  queue: "plans",
  orderingKey: ({ planId }) => planId,
});
const report = defineMessage("REPORT", { data: z.object({}), queue: "reports" });

/** Jobs of several states: two that completed, three that failed, a graph of five that wait. */
export async function openScene(engine: Engine) {
  const queue = createQueue({
    registry: createRegistry([email, plan, report]),
    engine,
    logger: { warn: () => undefined, error: () => undefined },
  });
  const worker = createWorker(queue, { concurrency: 3, name: "mailer" }).handle(
    email,
    async ({ data, log, progress, signal }) => {
      await log(`connecting for ${data.to}`);
      if (data.to === "refused") throw new Error("connect ECONNREFUSED 10.0.0.1:587");
      if (data.to === "invalid") throw new UnrecoverableError(`No such address ${HOSTILE}`);
      if (data.to === "slow") {
        await progress({ step: "halfway" });
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
      return { receipt: `r-${data.clientId}`, card: "4111" };
    },
  );
  const mail = (to: string, clientId: string, options = {}) =>
    queue.send(email, { to, clientId, token: "hunter2" }, options);
  await worker.start();
  const sent = await mail("ada", "c1", { id: "mail-ada", userId: "ada" });
  await mail("bob", "c2", { id: "mail-bob" });
  const failing = [
    await mail("refused", "c1", { id: "mail-refused-1" }),
    await mail("refused", "c2", { id: "mail-refused-2", userId: HOSTILE }),
    await mail("invalid", "c3", { id: "mail-invalid", userId: HOSTILE }),
  ];
  await sent.wait();
  await queue.wait("mail-bob");
  await Promise.allSettled(failing.map((job) => job.wait()));
  await mail("later", "c9", { id: "mail-later", delay: "2h" });
  const first = await queue.send(plan, { planId: "plan 9" }, { id: "plan-first" });
  const left = await queue.send(report, {}, { id: "report-left", dependsOn: [first] });
  const right = await queue.send(report, {}, { id: "report-right", dependsOn: [first] });
  const both = await queue.send(report, {}, { id: "report-both", dependsOn: [left, right] });
  await mail("boss", "c1", { id: "mail-boss", dependsOn: [{ job: both, onFailure: "hold" }] });
  return { queue: queue as unknown as Queue, worker, mail };
}

export type Scene = Awaited<ReturnType<typeof openScene>>;
