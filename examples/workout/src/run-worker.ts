/**
 * The worker's process, as it is deployed. Any number of them share the work. On the first SIGTERM or SIGINT it
 * finishes the running jobs, releases the others and exits with 0. A second one ends it at once.
 */
import { openDatabase } from "./db/open.ts";
import { openMailer } from "./mail/mailer.ts";
import { checkEngine, openEngine, openQueue } from "./queue.ts";
import { SetupError } from "./setup-error.ts";
import { createWorkoutWorker } from "./worker.ts";

/** Less than the 10 s after which `docker stop` kills the process. */
const STOP_TIMEOUT = "8s";

try {
  await run();
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}

async function run(): Promise<void> {
  const stopReason = reasonToStop();
  const mailer = openMailer();
  const engine = openEngine();
  if (engine.name === "memory") {
    throw new SetupError(
      "REDIS_URL isn't set, and other processes can't send jobs to an embedded engine. Set REDIS_URL.",
    );
  }
  await Promise.all([mailer.check(), checkEngine(engine)]);
  const database = await openDatabase();
  const queue = openQueue(engine, database);
  const worker = createWorkoutWorker(queue, { db: database.db, mailer });
  await worker.start();
  console.info(`Ready, with rows in ${database.kind}.`);
  // For a process manager that waits for it, such as pm2.
  if (process.connected) process.send?.("ready");

  console.info(`Stopping: ${await stopReason}.`);
  await worker.stop({ timeout: STOP_TIMEOUT });
  await queue.close();
  mailer.close();
  await database.close();
  const { completed, failed, retried, cancelled, released } = worker.stats();
  console.info(
    `Stopped. Runs: ${completed} completed, ${retried} to be retried, ${failed} failed, ` +
      `${cancelled} cancelled, ${released} given back.`,
  );
  if (process.connected) process.disconnect();
}

function reasonToStop(): Promise<string> {
  return new Promise((resolve) => {
    process.once("SIGTERM", resolve).once("SIGINT", resolve);
    // A worker with a channel to its parent process doesn't outlive it.
    const orphaned = () => resolve("the process that started this one is gone");
    if (process.connected === false) orphaned();
    else process.once("disconnect", orphaned);
  });
}
