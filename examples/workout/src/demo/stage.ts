import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JobHandle } from "@org/queue";
import type { Database } from "../db/open.ts";
import { describeDatabase, openDatabase } from "../db/open.ts";
import { type Mailer, openMailer } from "../mail/mailer.ts";
import { type OpenedQueue, openQueue } from "../queue.ts";
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
/** Time to look at what a run left in Redis. */
const KEYS_STAY_MINUTES = 60;

/** What every scene plays on. */
export interface Stage {
  readonly queue: WorkoutQueue;
  /** `"memory"`, or `"redis"`. */
  readonly engine: string;
  /** Absent when the jobs run in this process. */
  readonly worker?: WorkerProcess;
  readonly integration: WorkoutQueueIntegration;
  readonly db: Database;
  readonly report: Report;
  readonly databaseKind: string;
  /** Where e-mails are written, unless `SMTP_URL` names a server. */
  readonly mailDirectory: string;
  /** Ends the ids that this run gives away, so that runs on one database don't meet. */
  readonly run: string;
  /** Jobs by what they are called in the account, in the order they were sent. */
  readonly jobs: Map<string, JobHandle>;
  /** Enters a job into the account. */
  track<Job extends JobHandle>(name: string, job: Job): Job;
  /** Rows that the scenes so far must have left. */
  readonly expectedRows: Readonly<RowCounts>;
  expectRows(more: Partial<RowCounts>): void;
}

export interface StageOptions {
  readonly report: Report;
  /** Told of all that is opened, also when opening fails. */
  readonly closing: Closing;
  /** E-mails to this address are refused so many times before the real mailer gets them. */
  readonly refusedMail: { readonly to: (run: string) => string; readonly times: number };
}

/** The worker runs in this process; or, where the environment names a Redis to share jobs by, in one of its own. */
export async function openStage({ report, closing, refusedMail }: StageOptions): Promise<Stage> {
  const run = randomUUID().slice(0, 8);
  const namespace = `workout-demo-${run}`;
  await rm(MAIL_DIRECTORY, { recursive: true, force: true });
  const mailer = openMailer({ directory: MAIL_DIRECTORY });
  closing.add(() => mailer.close());
  await mailer.check();
  const opened = openQueue({
    namespace,
    embeddedInProduction: "allow",
    logger: { info: (message) => report.say(message) },
  });
  const busyMailer = refusing(mailer, refusedMail.to(run), refusedMail.times);
  const open = opened.engine === "memory" ? openInThisProcess : openInTwoProcesses;
  const { db, databaseKind, worker } = await open({ report, closing, opened, namespace, busyMailer });
  const jobs = new Map<string, JobHandle>();
  const expectedRows = Object.fromEntries(TABLES.map((table) => [table, 0])) as RowCounts;
  return {
    queue: opened.queue,
    engine: opened.engine,
    ...(worker && { worker }),
    integration: new WorkoutQueueIntegration({ queue: opened.queue, db }),
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
  readonly opened: OpenedQueue;
  readonly namespace: string;
  readonly busyMailer: Mailer;
}

interface Opened {
  readonly db: Database;
  readonly databaseKind: string;
  readonly worker?: WorkerProcess;
}

async function openInThisProcess({ report, closing, opened, busyMailer }: Opening): Promise<Opened> {
  closing.add(() => opened.close());
  report.say(`Opening the database: ${describeDatabase()} …`);
  const { db, kind, close } = await openDatabase();
  closing.add(close);
  const worker = createWorkoutWorker(opened.queue, { db, mailer: busyMailer, concurrency: 10 });
  await worker.start();
  closing.add(() => worker.stop({ timeout: "5s" }));
  return { db, databaseKind: kind };
}

async function openInTwoProcesses(opening: Opening): Promise<Opened> {
  const { report, closing, opened, namespace, busyMailer } = opening;
  closing.add(() => opened.close());
  await opened.check();
  closing.add(async () => {
    // First, as nothing may be sent after it.
    await opened.close();
    const count = await expireKeys(namespace, KEYS_STAY_MINUTES * 60);
    report.note(
      `The ${count} keys of this run go by themselves in ${KEYS_STAY_MINUTES} minutes. To look at them: ` +
        `redis-cli --scan --pattern '{${namespace}}:*'`,
    );
  });
  const { db, url, kind, close } = await openSharedDatabase(report);
  closing.add(close);
  const mailServer = await startFrontMailServer(busyMailer);
  closing.add(() => mailServer.close());
  const env = { DATABASE_URL: url, QUEUE_NAMESPACE: namespace, SMTP_URL: mailServer.url };
  const worker = startWorkerProcess(env, report);
  closing.add(() => worker.stop());
  await worker.ready;
  return { db, databaseKind: kind, worker };
}

/** A mail server that is busy at first, as they are. */
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
