import type { PGlite } from "@electric-sql/pglite";
import { startPostgres, type TestServer } from "@org/test-servers";
import { drizzle as drizzleNodePostgres } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import pg from "pg";
import postgres from "postgres";
import type { ChangeListener } from "../../src/postgres/changes/listener.ts";
import { pgListener } from "../../src/postgres/changes/pg-listener.ts";
import { pgliteListener } from "../../src/postgres/changes/pglite-listener.ts";
import { postgresJsListener } from "../../src/postgres/changes/postgres-js-listener.ts";
import type { Database } from "../../src/postgres/database.ts";
import { type MigrateOptions, migrate } from "../../src/postgres/migrate.ts";
import { newPglite } from "./new-pglite.ts";

/** An empty database for one test. */
export interface TestDatabase {
  readonly name: string;
  readonly db: Database;
  /** Connects on first use. */
  readonly listener: ChangeListener;
  /** The URL of the database; `undefined` for PGlite. */
  readonly url: string | undefined;
  /** Runs plain SQL on a separate connection, like another client. PGlite has only one connection. */
  raw<Row = Record<string, unknown>>(text: string): Promise<Row[]>;
}

export interface OpenOptions {
  /** Runs `migrate` with these options. @default false */
  readonly migrate?: boolean | MigrateOptions;
  /** Size of the pool. @default 10 */
  readonly max?: number;
}

export interface TestDriver {
  readonly name: "node-postgres" | "postgres.js" | "PGlite";
  /** Whether it connects to a server, so that there can be several connections. */
  readonly isServer: boolean;
  /** Opens a database, which is closed after the test. */
  open(options?: OpenOptions): Promise<TestDatabase>;
}

const EMPTY = `
  do $$ declare name text; begin
    for name in select nspname from pg_namespace where nspname !~ '^(pg_|information_schema$)' loop
      execute format('drop schema %I cascade', name);
    end loop;
    execute format('alter database %I reset all', current_database());
  end $$;
  create schema public authorization pg_database_owner;
  grant usage on schema public to public;
`;

/** Run after each test, latest first. */
export const cleanups: (() => unknown)[] = [];

/** After each test; see `clean-up.ts`. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

let server: Promise<TestServer> | undefined;
let pglite: Promise<PGlite> | undefined;
/** URLs of databases on the server. */
const databases: string[] = [];
let created = 0;
const freeDatabases: string[] = [];

/** Of a server that stays; others end with the process, and serve all test files of it until then. */
export async function dropDatabases(): Promise<void> {
  const { pid, url } = (await server) ?? {};
  if (url === undefined || pid !== undefined) return;
  freeDatabases.length = 0;
  for (const database of databases.splice(0)) {
    const name = new URL(database).pathname.slice(1);
    await withClient(url, (client) => client.query(`drop database ${name} with (force)`));
  }
}

/** The Postgres server of this process's test files, started on first use. */
export function testServer(): Promise<TestServer> {
  server ??= startPostgres();
  return server;
}

/** The URL of an empty database on the server. After the test it is emptied, and used again: that costs a fraction. */
export async function createDatabase(): Promise<string> {
  const database = freeDatabases.pop() ?? (await newDatabase());
  cleanups.push(async () => {
    await withClient(database, async (client) => {
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`);
      await client.query(EMPTY);
    });
    freeDatabases.push(database);
  });
  return database;
}

async function newDatabase(): Promise<string> {
  const { url } = await testServer();
  const name = `queue_${process.pid}_${created++}`;
  await withClient(url, (client) => client.query(`create database ${name}`));
  const database = new URL(url);
  database.pathname = `/${name}`;
  databases.push(database.href);
  return database.href;
}

/** A Drizzle database on a pool of `pg`, closed after the test. */
export function openNodePostgres(url: string, config: pg.PoolConfig = {}): Database {
  const pool = new pg.Pool({ connectionString: url, ...config });
  // Emitted when an idle connection of the pool is killed.
  pool.on("error", () => {});
  cleanups.push(() => pool.end());
  return drizzleNodePostgres(pool);
}

/** A Drizzle database on `postgres`, closed after the test. */
export function openPostgresJs(url: string, { max = 10 }: { readonly max?: number } = {}): Database {
  const client = postgres(url, { onnotice: () => {}, max });
  cleanups.push(() => client.end({ timeout: 1 }));
  return drizzlePostgresJs(client);
}

/** Every driver: `describe.each(drivers)("$name", ({ open }) => …)`. */
export const drivers: readonly TestDriver[] = [
  {
    name: "node-postgres",
    isServer: true,
    open: ({ max = 10, ...options } = {}) =>
      onServer("node-postgres", options, (url) => ({
        db: openNodePostgres(url, { max }),
        listener: pgListener({ connect: () => new pg.Client(url) }),
      })),
  },
  {
    name: "postgres.js",
    isServer: true,
    open: ({ max = 10, ...options } = {}) =>
      onServer("postgres.js", options, (url) => ({
        db: openPostgresJs(url, { max }),
        listener: postgresJsListener({ connect: () => postgres(url, { max: 1, onnotice: () => {} }) }),
      })),
  },
  { name: "PGlite", isServer: false, open: openPglite },
];

export const serverDrivers = drivers.filter(({ isServer }) => isServer);

async function onServer(
  name: TestDriver["name"],
  options: OpenOptions,
  connect: (url: string) => { db: Database; listener: ChangeListener },
): Promise<TestDatabase> {
  const url = await createDatabase();
  const admin = new pg.Client(url);
  admin.on("error", () => {});
  await admin.connect();
  cleanups.push(() => admin.end());
  const { db, listener } = connect(url);
  cleanups.push(() => listener.close());
  await migrateIfAsked(db, options);
  return { name, db, listener, url, raw: async (text) => (await admin.query(text)).rows };
}

/** One PGlite for all tests of the process, emptied before each, because starting one takes a second. */
async function openPglite(options: OpenOptions = {}): Promise<TestDatabase> {
  pglite ??= newPglite();
  const client = await pglite;
  await client.exec(`${EMPTY} reset all;`);
  const db = drizzlePglite(client);
  const listener = pgliteListener(client);
  cleanups.push(() => listener.close());
  await migrateIfAsked(db, options);
  return {
    name: "PGlite",
    db,
    listener,
    url: undefined,
    raw: async <Row>(text: string) => (await client.exec(text)).at(-1)?.rows as Row[],
  };
}

async function migrateIfAsked(db: Database, options: OpenOptions): Promise<void> {
  if (options.migrate) await migrate(db, options.migrate === true ? {} : options.migrate);
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
