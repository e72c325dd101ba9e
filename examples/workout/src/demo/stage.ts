import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine, JobHandle } from "@org/queue";
import { type Database, describeDatabase, type OpenedDatabase, openDatabase } from "../db/open.ts";
import { type Mailer, openMailer } from "../mail/mailer.ts";
import { checkEngine, openEngine, openQueue } from "../queue.ts";
import { type WorkoutQueue, WorkoutQueueIntegration } from "../queue-integration.ts";
import { createWorkoutWorker } from "../worker.ts";
import type { Closing } from "./closing.ts";
import { startFrontMailServer } from "./front-mail-server.ts";
import { expireKeys } from "./redis-keys.ts";
import type { Report } from "./report.ts";
import { type RowCounts, TABLES } from "./row-counts.ts";
import { openSharedDatabase } from "./shared-database.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.ts";

const MAIL_DIRECTORY = join(fileURLToPath(new URL("../..", import.meta.url)), ".data", "demo-mail");
/** Keys of a run stay in Redis for this long, for inspection. */
const KEY_TTL_MINUTES = 60;

/** Everything that the scenes need. */
export interface Stage {
  readonly queue: WorkoutQueue;
  /** `"memory"`, or `"redis"`. */
  readonly engine: string;
  /** Absent if the jobs run in this process. */
  readonly worker?: WorkerProcess;
  readonly integration: WorkoutQueueIntegration;
  readonly db: Database;
  readonly report: Report;
  readonly databaseKind: string;
  /** The directory for e-mails, unless `SMTP_URL` names a server. */
  readonly mailDirectory: string;
  /** Suffix of the ids of this run, so that runs on one database don't collide. */
  readonly run: string;
  /** Jobs by name in the final table, in send order. */
  readonly jobs: Map<string, JobHandle>;
  /** Adds a job to the final table. */
  track<Job extends JobHandle>(name: string, job: Job): Job;
  /** Rows that the scenes so far must have stored. */
  readonly expectedRows: Readonly<RowCounts>;
  expectRows(more: Partial<RowCounts>): void;
}

export interface StageOptions {
  readonly report: Report;
  /** Gets everything that is opened, even if opening fails. */
  readonly closing: Closing;
  /** E-mails to this address are refused `times` times before the real mailer gets them. */
  readonly refusedMail: { readonly to: (run: string) => string; readonly times: number };
}

/** Runs the worker in this process or, if the environment names a Redis, in another one. */
export async function openStage({ report, closing, refusedMail }: StageOptions): Promise<Stage> {
  const run = randomUUID().slice(0, 8);
  const namespace = `workout-demo-${run}`;
  await rm(MAIL_DIRECTORY, { recursive: true, force: true });
  const mailer = openMailer({ directory: MAIL_DIRECTORY });
  closing.add(() => mailer.close());
  await mailer.check();
  const engine = openEngine({
    namespace,
    embeddedInProduction: "allow",
    logger: { info: (message) => report.say(message) },
  });
  const busyMailer = refusing(mailer, refusedMail.to(run), refusedMail.times);
  const open = engine.name === "memory" ? openInThisProcess : openInTwoProcesses;
  const { db, databaseKind, queue, worker } = await open({ report, closing, engine, namespace, busyMailer });
  const jobs = new Map<string, JobHandle>();
  const expectedRows = Object.fromEntries(TABLES.map((table) => [table, 0])) as RowCounts;
  return {
    queue,
    engine: engine.name,
    ...(worker && { worker }),
    integration: new WorkoutQueueIntegration({ queue, db }),
    db,
    report,
    databaseKind,
    mailDirectory: MAIL_DIRECTORY,
    run,
    jobs,
    track(name, job) {
      jobs.set(name, job);
      return job;
    },
    expectedRows,
    expectRows(more) {
      for (const table of TABLES) expectedRows[table] += more[table] ?? 0;
    },
  };
}

interface Opening {
  readonly report: Report;
  readonly closing: Closing;
  readonly engine: Engine;
  readonly namespace: string;
  readonly busyMailer: Mailer;
}

interface Opened {
  readonly queue: WorkoutQueue;
  readonly db: Database;
  readonly databaseKind: string;
  readonly worker?: WorkerProcess;
}

async function openInThisProcess({ report, closing, engine, busyMailer }: Opening): Promise<Opened> {
  closing.add(() => engine.core.close());
  report.say(`Opening the database: ${describeDatabase()} …`);
  const database = await openDatabase();
  closing.add(database.close);
  const queue = openQueueOn(engine, database, closing);
  const { db, kind } = database;
  const worker = createWorkoutWorker(queue, { db, mailer: busyMailer, concurrency: 10 });
  await worker.start();
  closing.add(() => worker.stop({ timeout: "5s" }));
  return { queue, db, databaseKind: kind };
}

async function openInTwoProcesses(opening: Opening): Promise<Opened> {
  const { report, closing, engine, namespace, busyMailer } = opening;
  closing.add(() => engine.core.close());
  await checkEngine(engine);
  closing.add(async () => {
    // First, because nothing may be sent after it.
    await engine.core.close();
    const count = await expireKeys(namespace, KEY_TTL_MINUTES * 60);
    report.note(
      `The ${count} keys of this run expire in ${KEY_TTL_MINUTES} minutes. To see them: ` +
        `redis-cli --scan --pattern '{${namespace}}:*'`,
    );
  });
  const database = await openSharedDatabase(report);
  closing.add(database.close);
  const queue = openQueueOn(engine, database, closing);
  const mailServer = await startFrontMailServer(busyMailer);
  closing.add(() => mailServer.close());
  const env = { DATABASE_URL: database.url, QUEUE_NAMESPACE: namespace, SMTP_URL: mailServer.url };
  const worker = startWorkerProcess(env, report);
  closing.add(() => worker.stop());
  await worker.ready;
  return { queue, db: database.db, databaseKind: database.kind, worker };
}

function openQueueOn(engine: Engine, database: OpenedDatabase, closing: Closing): WorkoutQueue {
  const queue = openQueue(engine, database);
  closing.add(() => queue.close());
  return queue;
}

/** A mail server that is busy at first. */
function refusing(mailer: Mailer, recipient: string, times: number): Mailer {
  let left = times;
  return {
    ...mailer,
    async send(mail) {
      if (left > 0 && mail.to.includes(recipient)) {
        left--;
        throw Object.assign(new Error("451 4.3.2 The mail server is busy, try again later"), {
          responseCode: 451,
        });
      }
      return mailer.send(mail);
    },
  };
}
