/**
 * The way of the README of packages/worker, in the project of the first argument with the Node of the second: a worker on a
 * real Redis, a job sent by the command, and its end.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { startRedis } from "../../packages/test-servers/src/index.ts";

const [project, executable] = process.argv.slice(2);
if (!project || !executable) throw new Error("Give the project's directory and a Node.");
const redis = await startRedis();
const namespace = `first-job-${process.pid}`;
const env = { ...process.env, REDIS_URL: redis.url, QUEUE_NAMESPACE: namespace, NODE_ENV: "production" };
const COMMAND = "node_modules/@org/queue-worker/bin/queue.js";
const TIMEOUT = 50_000;

const queue = (...args: readonly string[]) =>
  execFileSync(executable, [COMMAND, ...args], {
    cwd: project,
    env,
    encoding: "utf8",
    timeout: TIMEOUT,
  }).trim();

async function untilReady(worker: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: worker.stdout! })) if (line.includes('"Ready: ')) return;
  throw new Error("The worker has ended before it was ready.");
}

const worker = spawn(executable, [COMMAND, "worker"], {
  cwd: project,
  env,
  stdio: ["ignore", "pipe", "inherit"],
  timeout: TIMEOUT,
});
try {
  const ended = once(worker, "exit");
  await untilReady(worker);
  const id = queue("send", "WELCOME_EMAIL", "--data", '{"to":"ada@example.org"}');
  queue("wait", id);
  console.log(queue("job", id));
  worker.kill("SIGTERM");
  const [code] = await ended;
  if (code !== 0) throw new Error(`The worker ended with ${code}.`);
} finally {
  worker.kill("SIGKILL");
  await redis.stop();
}
