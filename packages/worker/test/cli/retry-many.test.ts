import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { ClaimedJob } from "@org/queue/engine";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runQueue, startQueue } from "../support/run-queue.ts";
import { temporaryProject } from "../support/temporary-project.ts";

/** `RETRY_COUNT=100000` takes half a minute. */
const COUNT = Number(process.env.RETRY_COUNT ?? 20_000);
const AGAIN = COUNT / 10;
const BATCH = 1_000;
const NAMESPACE = "retry-many";
const CONFIG = `
import { createQueue, createRegistry, defineMessage } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { defineConfig } from "@org/queue-worker";
import * as z from "zod";

const mail = defineMessage("MAIL", { data: z.object({}), queue: "mails" });
const engine = () => redisEngine({ url: process.env.REDIS_URL!, namespace: "${NAMESPACE}" });
export default defineConfig({ queue: () => createQueue({ registry: createRegistry([mail]), engine: engine() }) });
`;
const ERROR = '{"code":"HANDLER_FAILED","message":"The mail server is away"}';

let server: TestServer;
beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server?.stop());

const open = () => redisEngine({ url: server.url, namespace: NAMESPACE });
type Engine = ReturnType<typeof open>;

/** Stores jobs and fails each at its first attempt, both at once. */
async function storeFailed(engine: Engine): Promise<void> {
  const keep = { count: COUNT, age: 86_400_000 };
  const job = { queue: "mails", priority: 100, delay: 0, maxAttempts: 1, maxStalls: 1, dependsOn: [] };
  const envelope = { messageType: "MAIL", version: 1, timestamp: new Date().toISOString(), data: "{}" };
  const store = async () => {
    for (let start = 0; start < COUNT; start += BATCH) {
      const jobs = Array.from({ length: BATCH }, (_, index) => ({
        ...job,
        retain: { completed: keep, failed: keep },
        envelope: { ...envelope, id: `mail-${start + index}` },
      }));
      await engine.core.enqueue([{ jobs }]);
    }
  };
  await Promise.all([store(), failNext(engine, COUNT)]);
}

/** Claims jobs and fails them, until so many have failed. */
async function failNext(engine: Engine, count: number): Promise<void> {
  let claimed: readonly ClaimedJob[] = [];
  for (let left = count; left > 0 || claimed.length > 0; left -= claimed.length) {
    const outcomes = claimed.map(({ id, epoch, token }) => ({
      id,
      epoch,
      token,
      type: "fail" as const,
      error: ERROR,
    }));
    const claim = { queues: ["mails"], limit: Math.min(BATCH, left), lease: 60_000 };
    claimed = (await engine.core.settle({ outcomes, ...(left > 0 && { claim }) })).claimed;
  }
}

it("retries many failed jobs, each once, over an interruption and while some fail again", {
  timeout: 180_000,
}, async () => {
  const engine = open();
  await storeFailed(engine);
  const cwd = temporaryProject({ "queue.config.ts": CONFIG, "package.json": '{ "type": "module" }' });
  const options = { cwd, env: { REDIS_URL: server.url } };

  const first = startQueue(["retry", "--where", "state:failed queue:mails", "--yes"], options);
  const output = Promise.all([text(first.stdout!), text(first.stderr!), once(first, "exit")]);
  // A tenth has been retried, and fails again while the command goes on.
  await failNext(engine, AGAIN);
  first.kill("SIGINT");
  const [stdout, stderr, [code]] = await output;
  expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
  const [, done = "", line = ""] =
    /^(?:Retried .*\n)*Stopped\. Retried ([\d,]+) of [\d,]+ jobs\. To go on with the others:\n {2}queue (.+)\n$/.exec(
      stderr,
    ) ?? [];

  const second = await runQueue(words(line), options);
  expect(second).toMatchObject({ code: 0 });
  const [, others = ""] = /^Retried ([\d,]+) jobs\.\n$/.exec(second.stdout) ?? [];
  expect(numberOf(done) + numberOf(others)).toBe(COUNT);
  // All that are failed have failed again: so none was left out, and none was retried twice.
  const again = await failedEpochs(engine);
  expect(again).toHaveLength(AGAIN);
  expect(new Set(again)).toEqual(new Set([3]));
  await engine.core.close();
});

/** Of the failed jobs. A claim takes an epoch, and so does a retry. */
async function failedEpochs({ inspect }: Engine): Promise<readonly number[]> {
  const epochs: number[] = [];
  let cursor: string | undefined;
  do {
    const filter = { states: ["failed"] } as const;
    const page = await inspect.list({
      filter,
      fields: "summary",
      limit: BATCH,
      ...(cursor !== undefined && { cursor }),
    });
    epochs.push(...page.jobs.map(({ epoch }) => epoch));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return epochs;
}

const numberOf = (figure: string) => Number(figure.replaceAll(",", ""));

/** The words of a line as a shell reads it. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}
