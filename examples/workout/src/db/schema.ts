import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
} from "drizzle-orm/pg-core";
import type { Load, Reps, Rpe } from "../messages/prescription.ts";
import { NOTIFICATION_KINDS, PLAN_STATUSES, SESSION_TYPES } from "../messages/vocabulary.ts";

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const createdAt = () => instant("created_at").notNull().defaultNow();
/** When the latest change of a row was sent. For a plan that was only created, 1970. */
const changedAt = () => instant("changed_at").notNull();

export const clients = pgTable("clients", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  email: text("email").notNull(),
  createdAt: createdAt(),
});

export const workoutPlans = pgTable(
  "workout_plans",
  {
    id: text("id").primaryKey(),
    clientId: text("client_id")
      .notNull()
      .references(() => clients.id, { onDelete: "restrict" }),
    trainerId: text("trainer_id").notNull(),
    name: text("name").notNull(),
    status: text("status", { enum: PLAN_STATUSES }).notNull().default("active"),
    goal: text("goal"),
    startsOn: date("starts_on"),
    notes: text("notes"),
    createdAt: createdAt(),
    changedAt: changedAt(),
  },
  (table) => [index().on(table.clientId), index().on(table.trainerId, table.status)],
);

export const phases = pgTable(
  "phases",
  {
    id: text("id").primaryKey(),
    planId: text("plan_id")
      .notNull()
      .references(() => workoutPlans.id, { onDelete: "cascade" }),
    position: integer("position").notNull(),
    name: text("name").notNull(),
    startWeek: integer("start_week").notNull(),
    weeks: integer("weeks").notNull(),
    notes: text("notes"),
    createdAt: createdAt(),
    changedAt: changedAt(),
  },
  (table) => [index().on(table.planId, table.position), check("phases_weeks", sql`${table.weeks} > 0`)],
);

export const sessions = pgTable(
  "sessions",
  {
    id: text("id").primaryKey(),
    phaseId: text("phase_id")
      .notNull()
      .references(() => phases.id, { onDelete: "cascade" }),
    week: integer("week").notNull(),
    day: integer("day").notNull(),
    name: text("name").notNull(),
    type: text("type", { enum: SESSION_TYPES }).notNull(),
    notes: text("notes"),
    createdAt: createdAt(),
    changedAt: changedAt(),
  },
  (table) => [
    index().on(table.phaseId, table.week, table.day),
    check("sessions_day", sql`${table.day} between 1 and 7`),
  ],
);

export const exercises = pgTable(
  "exercises",
  {
    id: text("id").primaryKey(),
    sessionId: text("session_id")
      .notNull()
      .references(() => sessions.id, { onDelete: "cascade" }),
    position: integer("position").notNull(),
    label: text("label").notNull(),
    name: text("name").notNull(),
    sets: integer("sets").notNull(),
    reps: jsonb("reps").$type<Reps>().notNull(),
    load: jsonb("load").$type<Load>(),
    rpe: jsonb("rpe").$type<Rpe>(),
    tempo: text("tempo"),
    restSeconds: integer("rest_seconds"),
    notes: text("notes"),
    createdAt: createdAt(),
    changedAt: changedAt(),
  },
  (table) => [index().on(table.sessionId, table.position), check("exercises_sets", sql`${table.sets} > 0`)],
);

/** Deleted ids, so that a change sent earlier and run later doesn't bring them back. */
export const removals = pgTable("removals", {
  id: text("id").primaryKey(),
  removedAt: instant("removed_at").notNull(),
});

export const notifications = pgTable(
  "notifications",
  {
    id: text("id").primaryKey(),
    userId: text("user_id").notNull(),
    kind: text("kind", { enum: NOTIFICATION_KINDS }).notNull(),
    title: text("title").notNull(),
    body: text("body").notNull(),
    link: text("link"),
    readAt: instant("read_at"),
    createdAt: createdAt(),
  },
  (table) => [index().on(table.userId, table.createdAt.desc())],
);

export const userActions = pgTable(
  "user_actions",
  {
    id: text("id").primaryKey(),
    userId: text("user_id").notNull(),
    action: text("action").notNull(),
    details: jsonb("details").$type<Record<string, string | number | boolean | null>>(),
    occurredAt: instant("occurred_at").notNull(),
    createdAt: createdAt(),
  },
  (table) => [index().on(table.userId, table.occurredAt.desc()), index().on(table.action)],
);

/** The delivery state of each e-mail. Unrelated to the queue's outbox, `queue_outbox`, which stores jobs. */
export const emailOutbox = pgTable(
  "email_outbox",
  {
    id: text("id").primaryKey(),
    /** Chosen before the first try, so that receivers recognise a second delivery. */
    messageId: text("message_id").notNull(),
    recipients: jsonb("recipients").$type<readonly string[]>().notNull(),
    /** Recipients for whom the server accepted the mail. It is sent once all are accepted. */
    accepted: jsonb("accepted").$type<readonly string[]>().notNull().default([]),
    subject: text("subject").notNull(),
    tries: integer("tries").notNull().default(0),
    lastError: text("last_error"),
    /** The reply of the mail server, or the path of the file. */
    receipt: text("receipt"),
    sentAt: instant("sent_at"),
    createdAt: createdAt(),
  },
  (table) => [unique().on(table.messageId), index().on(table.sentAt)],
);

/** The training volume of one client, added up by a sync run. */
export interface TrainingVolume {
  readonly clientId: string;
  readonly plans: number;
  readonly sessions: number;
  readonly exercises: number;
  readonly sets: number;
  readonly reps: number;
  /** Mean percentage of the one-repetition maximum, weighted by sets. Null without such loads. */
  readonly meanIntensity: number | null;
}

export const syncRuns = pgTable("sync_runs", {
  id: text("id").primaryKey(),
  jobId: text("job_id").notNull(),
  /** The epoch of the claim that writes this row. Earlier claims can't write any more. */
  epoch: integer("epoch").notNull(),
  clientsTotal: integer("clients_total").notNull(),
  volumes: jsonb("volumes").$type<readonly TrainingVolume[]>().notNull(),
  finished: boolean("finished").notNull().default(false),
  startedAt: instant("started_at").notNull().defaultNow(),
  updatedAt: instant("updated_at").notNull().defaultNow(),
});
