/**
 * The worker's process, as it is deployed. Any number of them share the work. The first SIGTERM or SIGINT lets
 * the running jobs finish, gives the others back and ends it with 0; the same once more ends it at once.
 */
import { openDatabase } from "./db/open.ts";
import { openMailer } from "./mail/mailer.ts";
import { checkEngine, openEngine, openQueue } from "./queue.ts";
import { SetupError } from "./setup-error.ts";
import { createWorkoutWorker } from "./worker.ts";

/** Less than the 10 s after which `docker stop` kills. */
const PATIENCE = "8s";

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
    throw new SetupError("REDIS_URL isn't set, and no other process can send jobs to an embedded engine.");
  }
  await Promise.all([mailer.check(), checkEngine(engine)]);
  const database = await openDatabase();
  const queue = openQueue(engine, database);
  const worker = createWorkoutWorker(queue, { db: database.db, mailer });
  await worker.start();
  console.info(`Ready, with rows in ${database.kind}.`);
  // To a process manager that waits for it, such as pm2.
  if (process.connected) process.send?.("ready");

  console.info(`Stopping: ${await stopReason}.`);
  await worker.stop({ timeout: PATIENCE });
  await queue.close();
  mailer.close();
  await database.close();
  const { completed, failed, retried, cancelled, released } = worker.stats();
  console.info(
    `Stopped. Runs: ${completed} completed, ${retried} to be tried again, ${failed} failed, ` +
      `${cancelled} cancelled, ${released} given back.`,
  );
  if (process.connected) process.disconnect();
}

function reasonToStop(): Promise<string> {
  return new Promise((resolve) => {
    process.once("SIGTERM", resolve).once("SIGINT", resolve);
    // Started with a channel to another process, it doesn't outlive that one.
    const orphaned = () => resolve("the process that started this one is gone");
    if (process.connected === false) orphaned();
    else process.once("disconnect", orphaned);
  });
}
