import type { PGlite } from "@electric-sql/pglite";
import { sql } from "drizzle-orm";
import { integer, text } from "drizzle-orm/pg-core";
import { drizzle } from "drizzle-orm/pglite";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/postgres/database.ts";
import { Backlog, type PendingWrite } from "../../src/postgres/status/backlog.ts";
import { writeJob, writeSubjects } from "../../src/postgres/status/fence.ts";
import { OutageReport } from "../../src/postgres/status/outage-report.ts";
import { readStatusTable, type Status, statusTable } from "../../src/postgres/status/table.ts";
import type { SubjectWrite } from "../../src/postgres/status/transition.ts";
import { StatusWriter } from "../../src/postgres/status/writer.ts";
import { newPglite } from "./new-pglite.ts";
import { createTable } from "./status-support.ts";

const table = statusTable("fenced", {
  key: { id: text("id").notNull() },
  fields: { count: integer("count") },
});
const parts = readStatusTable(table);

let client: PGlite;
let db: Database;

beforeAll(async () => {
  client = await newPglite();
  db = drizzle(client);
  await createTable(db, table);
}, 60_000);

afterAll(() => client.close());

beforeEach(() => client.exec("delete from fenced"));

/** An independent, plain model of the rules that the statement must follow. */
interface Step {
  readonly subject: string;
  readonly job: string;
  readonly sentAt: number;
  readonly epoch: number;
  readonly status: Status;
  readonly count?: number;
}

const RANK = { RUNNING: 0, PENDING: 1, SUCCEEDED: 2, FAILED: 2, CANCELLED: 2 };

function isLaterStep(a: Step, b: Step): boolean {
  return a.epoch !== b.epoch ? a.epoch > b.epoch : RANK[a.status] > RANK[b.status];
}

function isYoungerJob(a: Step, b: Step): boolean {
  return a.sentAt !== b.sentAt ? a.sentAt > b.sentAt : a.job > b.job;
}

function newest(steps: readonly Step[]): Step {
  return steps.reduce((best, step) => {
    if (step.job !== best.job) return isYoungerJob(step, best) ? step : best;
    return isLaterStep(step, best) ? step : best;
  });
}

function toWrite({ subject, job, sentAt, epoch, status, count }: Step): SubjectWrite {
  return {
    key: { id: subject },
    jobId: job,
    sentAt: new Date(sentAt),
    epoch,
    status,
    fields: count === undefined ? {} : { count },
  };
}

/** All transitions of one job: it runs, is retried, ends, is reopened by an operator, is cancelled while it waits. */
const lives = fc
  .record({
    sentAt: fc.integer({ min: 1_000, max: 1_003 }),
    attempts: fc.array(fc.constantFrom<Status>("PENDING", "SUCCEEDED", "FAILED", "CANCELLED"), {
      maxLength: 3,
    }),
    reopens: fc.boolean(),
    isCancelled: fc.boolean(),
  })
  .map(({ sentAt, attempts, reopens, isCancelled }) => {
    const steps: Omit<Step, "subject" | "job">[] = [{ sentAt, epoch: 0, status: "PENDING" }];
    attempts.forEach((end, index) => {
      const epoch = index + 1;
      steps.push({ sentAt, epoch, status: "RUNNING" });
      steps.push({ sentAt, epoch, status: "RUNNING", count: 10 * epoch });
      steps.push({ sentAt, epoch, status: end });
    });
    if (reopens) steps.push({ sentAt, epoch: attempts.length + 1, status: "PENDING" });
    const { epoch, status } = steps.at(-1)!;
    if (isCancelled && status === "PENDING") steps.push({ sentAt, epoch, status: "CANCELLED" });
    return steps;
  });

/** Transitions of several jobs on one or two subjects, shuffled, with repeats. */
const histories = fc
  .array(fc.tuple(fc.constantFrom("a", "b"), lives), { minLength: 1, maxLength: 4 })
  .map((jobs) =>
    jobs.flatMap(([subject, steps], index) =>
      steps.map((step): Step => ({ ...step, subject, job: `job-${(index * 7) % 5}-${index}` })),
    ),
  )
  .chain((steps) => {
    const repeated = fc
      .array(fc.constantFrom(...steps), { maxLength: 6 })
      .chain((again) =>
        fc.shuffledSubarray([...steps, ...again], { minLength: steps.length + again.length }),
      );
    return fc.record({ steps: fc.constant(steps), order: repeated });
  });

async function rows() {
  const found = await db.select().from(table);
  return Object.fromEntries(
    found.map(({ id, jobId, epoch, status, createdAt }) => [
      id,
      { job: jobId, epoch, status, sentAt: createdAt.getTime() },
    ]),
  );
}

function expectedRows(steps: readonly Step[]) {
  const subjects = [...new Set(steps.map(({ subject }) => subject))];
  return Object.fromEntries(
    subjects.map((subject) => {
      const { job, epoch, status, sentAt } = newest(steps.filter((step) => step.subject === subject));
      return [subject, { job, epoch, status, sentAt }];
    }),
  );
}

describe("the fence", () => {
  it("ends in the newest job's latest step, whatever the order, the repeats and the batches", async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        async (history, sizes) => {
          await client.exec("delete from fenced");
          const left = [...history.order];
          while (left.length > 0) {
            // A statement writes each subject once and sets the same fields in all rows.
            const batch = new Map<string, Step>();
            const [first] = left as [Step];
            for (const step of left.splice(0, sizes.next().value)) {
              if (batch.has(step.subject) || (step.count === undefined) !== (first.count === undefined)) {
                await writeSubjects(db, table, parts, [toWrite(step)]);
              } else batch.set(step.subject, step);
            }
            await writeSubjects(db, table, parts, [...batch.values()].map(toWrite));
          }
          expect(await rows()).toEqual(expectedRows(history.steps));
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);

  it("holds for several writers that merge pending writes", async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.infiniteStream(fc.record({ writer: fc.nat(2), turn: fc.boolean() })),
        async (history, choices) => {
          await client.exec("delete from fenced");
          const errors: unknown[] = [];
          const writers = [0, 1, 2].map(
            () =>
              new StatusWriter({
                db,
                table,
                parts,
                outages: new OutageReport(),
                onError: (error) => errors.push(error),
              }),
          );
          for (const step of history.order) {
            const { writer, turn } = choices.next().value;
            writers[writer]!.put(toWrite(step), step.count === undefined);
            if (turn) await new Promise((resolve) => setImmediate(resolve));
          }
          await Promise.all(writers.map((writer) => writer.flush(10_000)));
          expect(errors).toEqual([]);
          expect(await rows()).toEqual(expectedRows(history.steps));
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);

  it("matches the model when some transitions know only their job", async () => {
    const byJob = fc.infiniteStream(fc.boolean());
    await fc.assert(
      fc.asyncProperty(histories, byJob, async ({ order }, choices) => {
        await client.exec("delete from fenced");
        const model = new Map<string, Step>();
        for (const step of order) {
          const held = model.get(step.subject);
          if (choices.next().value) {
            await writeJob(db, table, parts, { jobId: step.job, epoch: step.epoch, status: step.status });
            if (held?.job === step.job && isLaterStep(step, held)) model.set(step.subject, step);
          } else {
            await writeSubjects(db, table, parts, [toWrite(step)]);
            const isNewer =
              !held || (held.job === step.job ? isLaterStep(step, held) : isYoungerJob(step, held));
            if (isNewer) model.set(step.subject, step);
          }
        }
        const expected = [...model].map(([subject, { job, epoch, status, sentAt }]) => [
          subject,
          { job, epoch, status, sentAt },
        ]);
        expect(await rows()).toEqual(Object.fromEntries(expected));
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  const step: Step = { subject: "a", job: "job-1", sentAt: 1_000, epoch: 2, status: "RUNNING" };
  const write = (...steps: Step[]) => writeSubjects(db, table, parts, steps.map(toWrite));
  const count = async () => (await db.select().from(table))[0]?.count;

  it("accepts progress of the running attempt only", async () => {
    await write(step);
    await write({ ...step, count: 1 });
    await write({ ...step, count: 2 });
    expect(await count()).toBe(2);
    await write({ ...step, epoch: 1, count: 3 });
    await write({ ...step, job: "job-0", count: 4 });
    await write({ ...step, status: "PENDING" });
    await write({ ...step, count: 5 });
    expect(await count()).toBe(2);
  });

  it("lets any job take a row without a job, and skips writes older than the row", async () => {
    await db.insert(table).values({ id: "a", status: "SUCCEEDED", createdAt: new Date("2099-01-01") });
    await write(step);
    expect(await rows()).toMatchObject({ a: { job: "job-1", status: "RUNNING" } });
    await write({ ...step, job: "job-9", sentAt: 999, epoch: 50, status: "FAILED" });
    expect(await rows()).toMatchObject({ a: { job: "job-1", status: "RUNNING" } });
  });

  it("keeps the start of a job across its transitions, but not that of the previous job", async () => {
    const startedAt = new Date(5_000);
    await writeSubjects(db, table, parts, [{ ...toWrite(step), startedAt }]);
    await write({ ...step, status: "PENDING" });
    expect((await db.select().from(table))[0]?.startedAt).toEqual(startedAt);
    await write({ ...step, job: "job-2" });
    expect((await db.select().from(table))[0]?.startedAt).toBeNull();
  });

  it("changes nothing for a repeat, so that subscribers aren't notified twice", async () => {
    await write(step);
    const version = async () => (await client.query("select xmin::text, ctid::text from fenced")).rows;
    const before = await version();
    await write(step);
    await writeJob(db, table, parts, { jobId: "job-1", epoch: 2, status: "RUNNING" });
    expect(await version()).toEqual(before);
  });

  it("works in a schema, and for keys and fields of any type", async () => {
    const elsewhere = statusTable("fenced", {
      key: { id: integer("id").notNull(), day: text("day").notNull() },
      fields: { notes: text("notes").array() },
      schema: "other place",
    });
    await createTable(db, elsewhere);
    const other = readStatusTable(elsewhere);
    const { key: _key, ...rest } = toWrite(step);
    const key = { id: 1, day: "it's" };
    await writeSubjects(db, elsewhere, other, [{ ...rest, key, fields: { notes: ["a", "b,c"] } }]);
    await writeJob(db, elsewhere, other, {
      jobId: "job-1",
      epoch: 2,
      status: "FAILED",
      errorMessage: "a\0b",
    });
    expect(await db.select().from(elsewhere)).toMatchObject([
      { ...key, notes: ["a", "b,c"], status: "FAILED", errorMessage: "ab" },
    ]);
    await db.execute(sql`drop schema "other place" cascade`);
  });
});

describe("the backlog", () => {
  const pending = (step: Step, isUrgent = true): PendingWrite => ({
    subject: step.subject,
    write: toWrite(step),
    isUrgent,
    listeners: [],
  });
  const base: Step = { subject: "a", job: "job-1", sentAt: 1_000, epoch: 1, status: "RUNNING" };

  it("writes an older job's fields before the newer job, and drops it without fields", () => {
    const backlog = new Backlog();
    backlog.add(pending({ ...base, status: "SUCCEEDED", count: 7 }));
    backlog.add(pending({ ...base, job: "job-2", epoch: 0, status: "PENDING" }));
    backlog.add(pending({ ...base, job: "job-3", epoch: 0, status: "PENDING" }));
    const taken = () =>
      backlog.take(0).subjects.map(({ write }) => [write.jobId, write.status, write.fields]);
    expect(taken()).toEqual([["job-1", "SUCCEEDED", { count: 7 }]]);
    expect(taken()).toEqual([["job-3", "PENDING", {}]]);
    expect(backlog.isEmpty).toBe(true);
  });

  it("puts failed writes back under newer ones", () => {
    const backlog = new Backlog();
    backlog.add(pending({ ...base, count: 1 }));
    const { subjects } = backlog.take(0);
    backlog.add(pending({ ...base, status: "SUCCEEDED" }));
    backlog.restore(subjects, []);
    expect(backlog.take(0).subjects.map(({ write }) => [write.status, write.fields])).toEqual([
      ["SUCCEEDED", { count: 1 }],
    ]);
  });

  it("delays progress until it is due, and not longer", () => {
    const backlog = new Backlog();
    backlog.add(pending({ ...base, count: 1 }, false));
    expect(backlog.take(0).subjects).toHaveLength(1);
    backlog.add(pending({ ...base, count: 2 }, false));
    const { subjects, wakeAt } = backlog.take(100);
    expect(subjects).toEqual([]);
    expect(wakeAt).toBeGreaterThanOrEqual(250);
    expect(backlog.take(wakeAt!).subjects).toHaveLength(1);
  });
});
