import { sql } from "drizzle-orm";
import * as z from "zod/mini";
import { parseOptions } from "../../contract/options.ts";
import type { Finding } from "../../engine/finding.ts";
import { messageOf } from "../../errors/thrown.ts";
import { withTimeout } from "../../timing/with-timeout.ts";
import type { ChangeListener } from "../changes/listener.ts";
import { quoteName } from "../column-names.ts";
import { type Database, isTrue, queryRows, withTypedErrors } from "../database.ts";
import { type MigrateOptions, migrateSchema } from "../migrate.ts";
import { changeListener, readDatabase } from "../options.ts";
import { pendingMigrations } from "../pending-migrations.ts";
import { inTransaction } from "../transaction.ts";
import { listenerFinding } from "./listener-finding.ts";

/** `server_version_num` of the first version that is supported. */
const MIN_VERSION = 150_000;
/** Milliseconds for each check, so that a database that hangs doesn't hold the others. */
const CHECK_TIMEOUT = 4_000;
/** What senders and relays do with a table. */
const RIGHTS = {
  queue_outbox: ["select", "insert", "update", "delete"],
  queue_relay: ["select", "insert", "update", "delete"],
  queue_inbox: ["select", "insert", "delete"],
} as const;

export interface DatabaseCheckOptions extends MigrateOptions {
  /** The app's listener. Notifications are tried with it. */
  readonly listener?: ChangeListener | undefined;
}

const optionsSchema = z.extend(migrateSchema, { listener: z.optional(changeListener()) });

/**
 * Looks at a database for people who set it up: version, migrations, rights, and whether notifications arrive. Changes
 * nothing; each check takes seconds at most.
 *
 * @throws {QueueError} `INVALID_OPTIONS`. Never rejects otherwise.
 *
 * @example
 * for (const { check, status, text } of await diagnoseDatabase(db, { listener })) console.log(check, status, text);
 */
export async function diagnoseDatabase(
  db: Database,
  options: DatabaseCheckOptions = {},
): Promise<readonly Finding[]> {
  const database = readDatabase("diagnoseDatabase", db, "any");
  const { listener, ...migrated } = parseOptions("diagnoseDatabase", optionsSchema, options);
  const { schema } = migrated;
  const first = await attempt("connection", () => findServer(database));
  // All others need a connection, too.
  if (first.some(({ check, status }) => check === "connection" && status === "problem")) return first;
  const migrations = await attempt("migrations", () => findMigrations(database, migrated));
  const isMigrated = migrations.every(({ status }) => status === "ok");
  return [
    ...first,
    ...migrations,
    ...(isMigrated ? await attempt("rights", () => findRights(database, schema)) : []),
    ...(await attempt("commits", () => findCommits(database))),
    ...(await attempt("listener", async () => [await listenerFinding(database, listener)])),
  ];
}

async function attempt(check: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await withTimeout(withTypedErrors("Postgres", look), {
      milliseconds: CHECK_TIMEOUT,
      createError: () => new Error(`Postgres didn't answer within ${CHECK_TIMEOUT} ms.`),
    });
  } catch (error) {
    return [{ check, status: "problem", text: messageOf(error) }];
  }
}

async function findServer(db: Database): Promise<readonly Finding[]> {
  const start = performance.now();
  await queryRows(db, sql`select 1`);
  const latency = Math.max(1, Math.round(performance.now() - start));
  const [server] = await queryRows<{
    number: number;
    version: string;
    standby: boolean;
    name: string;
    role: string;
  }>(
    db,
    sql`select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
      pg_is_in_recovery() as standby, current_database()::text as name, current_user::text as role`,
  );
  const { number, version, standby, name, role } = server!;
  const shown = `PostgreSQL ${version.split(" ")[0]}`;
  return [
    { check: "connection", status: "ok", text: `The database ${name} answers in ${latency} ms, as ${role}.` },
    number >= MIN_VERSION
      ? { check: "version", status: "ok", text: `${shown}.` }
      : {
          check: "version",
          status: "problem",
          text: `${shown} is too old.`,
          remedy: "Upgrade it to PostgreSQL 15 or later.",
        },
    ...(standby
      ? [
          {
            check: "role",
            status: "problem" as const,
            text: "The server is a standby, which takes no writes.",
            remedy: "Connect to the primary.",
          },
        ]
      : []),
  ];
}

async function findMigrations(
  db: Database,
  options: z.infer<typeof migrateSchema>,
): Promise<readonly Finding[]> {
  const check = "migrations";
  const { migrations, statusTables } = await pendingMigrations(db, options);
  if (migrations.length === 0 && statusTables.length === 0) {
    const text = `The schema ${quoteName(options.schema)} is up to date.`;
    return [{ check, status: "ok", text }];
  }
  const names = migrations.map(({ version, name }) => `${version} ${name}`);
  const missing = [
    ...(names.length > 0 ? [`These are missing: ${names.join(", ")}.`] : []),
    ...(statusTables.length > 0 ? [`Triggers are missing on ${statusTables.join(", ")}.`] : []),
  ];
  return [{ check, status: "problem", text: missing.join(" "), remedy: "Run: queue migrate" }];
}

async function findRights(db: Database, schema: string): Promise<readonly Finding[]> {
  const check = "rights";
  const missing: string[] = [];
  const [user] = await queryRows<{ role: string }>(db, sql`select current_user::text as role`);
  const role = quoteName(user!.role);
  for (const [table, rights] of Object.entries(RIGHTS)) {
    const name = `${quoteName(schema)}.${table}`;
    const lacks: string[] = [];
    for (const right of rights) {
      if (!(await isTrue(db, sql`has_table_privilege(${name}, ${right})`))) lacks.push(right);
    }
    if (lacks.length > 0) missing.push(`grant ${lacks.join(", ")} on ${name} to ${role}`);
  }
  if (missing.length === 0)
    return [{ check, status: "ok", text: "The role may use the outbox and the inbox." }];
  const isReader =
    missing.length === Object.keys(RIGHTS).length && missing.every((rule) => !rule.includes("select"));
  return [
    {
      check,
      status: isReader ? "warning" : "problem",
      text: isReader
        ? "The role may read, but not write: the app and its workers need another one."
        : "The role lacks rights that senders, relays or `once` need.",
      remedy: `As the owner: ${missing.join("; ")}`,
    },
  ];
}

async function findCommits(db: Database): Promise<readonly Finding[]> {
  // A pooler in statement mode refuses it.
  await inTransaction(db, (tx) => queryRows(tx, sql`select 1`));
  return [];
}
