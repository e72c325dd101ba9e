import { mkdir } from "node:fs/promises";
import {
  type ChangeListener,
  migrate as migrateQueue,
  pgListener,
  pgliteListener,
} from "@org/queue/postgres";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { reasonOf, SetupError } from "../setup-error.ts";
import { migrationsFolder } from "./migrations.ts";
import * as schema from "./schema.ts";

/** A database on either driver, or a transaction of it. */
export type Database = PgDatabase<PgQueryResultHKT, typeof schema>;

export interface OpenedDatabase {
  readonly db: Database;
  /** Notifies of commits, for example the relay of the queue's outbox. */
  readonly listener: ChangeListener;
  /** `"PostgreSQL"`, or `"PGlite"`: PostgreSQL inside this process. */
  readonly kind: "PostgreSQL" | "PGlite";
  close(): Promise<void>;
}

export interface OpenOptions {
  /** @default process.env.DATABASE_URL */
  readonly url?: string | undefined;
  /** PGlite's data directory; in memory without one. @default process.env.PGLITE_DIR */
  readonly dataDir?: string | undefined;
}

/** Describes the database that `openDatabase` opens, without its password. */
export function describeDatabase({
  url = process.env.DATABASE_URL,
  dataDir = process.env.PGLITE_DIR,
}: OpenOptions = {}): string {
  if (url) return `PostgreSQL at ${placeOf(url)}`;
  return `PGlite, PostgreSQL inside this process, ${dataDir ? `in ${dataDir}` : "in memory"}`;
}

function placeOf(url: string): string {
  // Drivers also accept other text, such as the path of a socket, which may contain a password too.
  if (!URL.canParse(url)) return "the address in DATABASE_URL";
  const { host, pathname, searchParams } = new URL(url);
  return `${host || searchParams.get("host") || "localhost"}${pathname}`;
}

/**
 * Opens the app's database: PostgreSQL if there is a URL, otherwise PGlite. Applies all migrations: the app's own, and
 * those of @org/queue for its outbox and inbox.
 */
export async function openDatabase({
  url = process.env.DATABASE_URL,
  dataDir = process.env.PGLITE_DIR,
}: OpenOptions = {}): Promise<OpenedDatabase> {
  return url ? openPostgres(url) : openPglite(dataDir);
}

// Drivers are imported on demand, because PGlite alone loads 10 MB.

async function openPostgres(url: string): Promise<OpenedDatabase> {
  const [{ default: pg }, { drizzle }, { migrate }] = await Promise.all([
    import("pg"),
    import("drizzle-orm/node-postgres"),
    import("drizzle-orm/node-postgres/migrator"),
  ]);
  let client: import("pg").Client;
  try {
    client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
    // A broken connection also fails the running query. Without a listener, this event would end the process.
    client.on("error", () => undefined);
    await client.connect();
  } catch (error) {
    const told = `DATABASE_URL: the database at ${placeOf(url)} can't be opened: ${reasonOf(error)}`;
    throw new SetupError(told, { cause: error });
  }
  try {
    // Processes that start together migrate in turn. The lock ends with the connection, also in a crash.
    await client.query("select pg_advisory_lock(hashtext('workout-migrations'))");
    const db = drizzle(client);
    await migrate(db, { migrationsFolder });
    await migrateQueue(db);
  } finally {
    await client.end();
  }

  const pool = new pg.Pool({ connectionString: url, max: 10 });
  let isClosing = false;
  // The pool replaces a broken idle connection. Without a listener, this event would end the process.
  pool.on("error", (error) => {
    if (!isClosing) console.error(`database connection lost: ${error.message}`);
  });
  // Uses its own connection, opened by the first `listen`.
  const listener = pgListener({ connect: () => new pg.Client({ connectionString: url }) });
  const close = async () => {
    isClosing = true;
    await listener.close();
    await pool.end();
  };
  return { db: drizzle(pool, { schema }), listener, kind: "PostgreSQL", close };
}

async function openPglite(dataDir: string | undefined): Promise<OpenedDatabase> {
  const [{ PGlite }, { drizzle }, { migrate }] = await Promise.all([
    import("@electric-sql/pglite"),
    import("drizzle-orm/pglite"),
    import("drizzle-orm/pglite/migrator"),
  ]);
  if (dataDir) await mkdir(dataDir, { recursive: true });
  const client = await PGlite.create(dataDir ?? "memory://");
  const db = drizzle(client, { schema });
  await migrate(db, { migrationsFolder });
  await migrateQueue(db);
  const listener = pgliteListener(client);
  const close = async () => {
    await listener.close();
    await client.close();
  };
  return { db, listener, kind: "PGlite", close };
}
