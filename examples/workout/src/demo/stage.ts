import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createQueue, type JobHandle } from "@org/queue";
import type { Database } from "../db/open.ts";
import { describeDatabase, openDatabase } from "../db/open.ts";
import { type Mailer, openMailer } from "../mail/mailer.ts";
import { type WorkoutQueue, WorkoutQueueIntegration } from "../queue-integration.ts";
import { registry } from "../registry.ts";
import { createWorkoutWorker } from "../worker.ts";
import type { Report } from "./report.ts";
import { type RowCounts, TABLES } from "./row-counts.ts";

const MAIL_DIRECTORY = join(fileURLToPath(new URL("../..", import.meta.url)), ".data", "demo-mail");

/** What every scene plays on. */
export interface Stage {
  readonly queue: WorkoutQueue;
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
  close(): Promise<void>;
}

export interface StageOptions {
  readonly report: Report;
  /** E-mails to this address are refused so many times before the real mailer gets them. */
  readonly refusedMail: { readonly to: (run: string) => string; readonly times: number };
}

export async function openStage({ report, refusedMail }: StageOptions): Promise<Stage> {
  const run = randomUUID().slice(0, 8);
  await rm(MAIL_DIRECTORY, { recursive: true, force: true });
  const mailer = openMailer({ directory: MAIL_DIRECTORY });
  await mailer.check();
  report.say(`Opening the database: ${describeDatabase()} …`);
  const { db, kind, close } = await openDatabase();
  const queue = createQueue({ registry });
  const worker = createWorkoutWorker(queue, {
    db,
    mailer: refusing(mailer, refusedMail.to(run), refusedMail.times),
    concurrency: 10,
  });
  await worker.start();

  const jobs = new Map<string, JobHandle>();
  const expectedRows = Object.fromEntries(TABLES.map((table) => [table, 0])) as RowCounts;
  return {
    queue,
    integration: new WorkoutQueueIntegration({ queue, db }),
    db,
    report,
    databaseKind: kind,
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
    async close() {
      await worker.stop({ timeout: "5s" });
      await queue.close();
      mailer.close();
      await close();
    },
  };
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
