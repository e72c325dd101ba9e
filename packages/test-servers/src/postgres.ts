import { randomUUID } from "node:crypto";
import { containerSource } from "./container.ts";
import { debianPackage } from "./debian-package.ts";
import { chosenExecutable } from "./executable.ts";
import { NOT_DURABLE, postgresCluster, postgresPrograms } from "./postgres-cluster.ts";
import { scratchDatabase } from "./scratch-database.ts";
import { type ServerSource, startFromFirst } from "./server-source.ts";
import type { ServerOptions, TestServer } from "./test-server.ts";

const NOTHING_FOUND = {
  server: "Postgres",
  remedy:
    "Install PostgreSQL (Debian: `apt-get install postgresql`, macOS: `brew install postgresql`), " +
    "pull the image postgres:17-alpine, or set DATABASE_URL.",
};

/**
 * Starts a Postgres server, or creates a scratch database on the server of `DATABASE_URL`, dropped by `stop()`. The
 * user in the URL has all privileges in its database.
 *
 * @example
 * const postgres = await startPostgres();
 * const pool = new pg.Pool({ connectionString: postgres.url });
 * …
 * await postgres.stop();
 */
export function startPostgres(options: ServerOptions = {}): Promise<TestServer> {
  const chosen = chosenExecutable(["initdb"]);
  if (chosen)
    return startFromFirst([postgresPrograms("TEST_SERVER_PROGRAMS", chosen, options)], NOTHING_FOUND);
  const needsOwn = Object.keys(options).length > 0;
  const needsProcess = options.port !== undefined || options.directory !== undefined;
  const machine = postgresCluster(options);
  return startFromFirst(
    [
      ...(needsOwn ? [] : [scratchDatabase()]),
      ...(needsProcess ? [] : [postgresInContainer(options)]),
      machine,
      debianPackage("postgresql", machine),
    ],
    NOTHING_FOUND,
  );
}

function postgresInContainer({ args = [] }: ServerOptions): ServerSource {
  const password = randomUUID();
  return containerSource(
    {
      image: "postgres:17-alpine",
      port: 5432,
      env: { POSTGRES_PASSWORD: password },
      args: [...NOT_DURABLE, ...args],
      readyWhen: "database system is ready to accept connections",
      // The image first starts a server without a port, to create the cluster.
      readyTimes: 2,
      readyWithin: 60_000,
    },
    ({ host, port }) => `postgres://postgres:${password}@${host}:${port}/postgres`,
  );
}
