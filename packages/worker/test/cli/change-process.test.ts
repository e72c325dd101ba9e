import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createQueue, createRegistry, defineMessage, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { COMMAND } from "../support/run-queue.ts";
import { CONFIG, temporaryProject } from "../support/temporary-project.ts";

const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }), queue: "mails" });
let server: TestServer;
let queue: Queue<typeof mail>;
beforeAll(async () => {
  server = await startRedis();
  queue = createQueue({ registry: createRegistry([mail]), engine: redisEngine({ url: server.url }) });
}, 60_000);
afterAll(async () => {
  await queue?.close();
  await server?.stop();
});

/** Runs lines of a shell in which `queue` is the built command. */
async function shell(script: string) {
  const cwd = temporaryProject({
    "queue.config.ts": CONFIG.replace(
      "engine: memoryEngine()",
      "engine: engineFromEnv({ logger: { info: () => {} } })",
    ).replace("memoryEngine", "engineFromEnv"),
    "package.json": '{ "type": "module" }',
  });
  const env = { ...process.env, REDIS_URL: server.url, NODE_NO_WARNINGS: "1", NODE_ENV: "production" };
  const command = `set -o pipefail; queue() { '${process.execPath}' '${COMMAND}' "$@"; }; ${script}`;
  const run = promisify(execFile)("bash", ["-c", command], { cwd, env });
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

it("sends a job, and changes those that another command lists", async () => {
  const sent = await shell(
    `ID=$(echo '{"to":"ada"}' | queue send MAIL --data - --delay 1h) && queue promote "$ID"`,
  );
  expect(sent).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^Promoted the job \w+\.\n$/),
  });
  const jobs = await Promise.all(["bob", "eve"].map((to) => queue.send(mail, { to })));
  await queue.cancelMany(jobs);
  expect(await shell("queue jobs state:cancelled --ids --all | queue retry -")).toEqual({
    code: 0,
    stdout: "Retried 2 jobs.\n",
    stderr: "",
  });
});

it("has done its work when nobody reads its result, and asks nobody without a terminal", async () => {
  const job = await queue.send(mail, { to: "eve" });
  expect(await shell(`queue cancel ${job.id} --yes --json | true`)).toMatchObject({ code: 141, stderr: "" });
  expect((await queue.get(job))?.state).toBe("cancelled");
  expect(await shell(`queue remove ${job.id} < /dev/null`)).toEqual({
    code: 64,
    stdout: "",
    stderr:
      `error: Remove the job ${job.id}? There is no terminal to ask on, so nothing was changed. To answer in advance:\n` +
      `  queue remove ${job.id} --yes\n`,
  });
});
