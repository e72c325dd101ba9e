import { createQueue, createRegistry, createWorker, defineMessage, UnrecoverableError } from "@org/queue";
import * as z from "zod";
import { log } from "../../src/index.ts";
import { openLogs } from "../../src/logs/open-logs.ts";

/** A worker whose jobs log in all the ways that `logs.test.ts` looks at. Arguments: the format, and the level. */
const [format, level] = process.argv.slice(2) as ["json" | "pretty", "debug" | "info"];

const HOSTILE = 'a\r\nb \u001b[31mred\u001b[0m \u009b31m \u2028 \u202e rtl \ud800 {"level":"error"}';

const signUp = defineMessage("SIGN_UP", {
  data: z.object({ name: z.string(), password: z.string(), pin: z.number() }),
  result: z.object({ id: z.string() }),
  sensitive: { data: ["password", "pin"] },
  retry: { attempts: 2, backoff: { type: "fixed", delay: 20 } },
});
const hostile = defineMessage("HOSTILE", { data: z.object({}), retry: { attempts: 1 } });

const queue = createQueue({ registry: createRegistry([signUp, hostile]) });
const logs = openLogs({ level, format, logger: undefined, intoJobs: true });
queue.use(logs.middleware);

let settled = 0;
const done = new Promise<void>((resolve) => {
  queue.use({ settled: () => void (++settled === 4 && resolve()) });
});

const worker = createWorker(queue, { logger: logs.coreLogger })
  .handle(signUp, async ({ data, job }) => {
    if (data.name === "Ada") {
      log
        .with({ step: 1 })
        .info({ data, token: `Bearer ${data.password}` }, `Signing up with ${data.password}`);
      await new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => log.warn("From a timer"));
      return { id: "u1" };
    }
    const cause = new Error(`No row for ${data.password} and ${data.pin}`, {
      cause: new TypeError("refused"),
    });
    throw new Error(`Can't sign up ${data.name}, attempt ${job.attempt}`, { cause });
  })
  .handle(hostile, () => {
    log.error({ text: HOSTILE, [HOSTILE]: 1, deep: { text: HOSTILE } }, HOSTILE);
    throw new UnrecoverableError(HOSTILE);
  });
await worker.start();
// Until the queue's registry is known, everything counts as sensitive.
await new Promise((resolve) => setImmediate(resolve));
await queue.send(signUp, { name: "Ada", password: "hunter2!", pin: 48151 }, { userId: "user-1" });
await queue.send(
  signUp,
  { name: "Bob", password: "hunter2!", pin: 48151 },
  { userId: HOSTILE.toWellFormed() },
);
await queue.send(hostile, {});
await done;
const [job] = (await queue.list({ message: "SIGN_UP" })).jobs.slice(-1);
log.info({ jobLog: job?.logs.map(({ message }) => message) }, "Outside of any job");
log.info({ level: "error", time: 1, pid: process.pid, msg: "forged" }, "Taken names");
await worker.stop();
await queue.close();
await logs.flush();
process.exit(0);
