import { randomUUID } from "node:crypto";
import { chown, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findExecutable } from "./executable.ts";
import { withFreePort } from "./free-port.ts";
import { type Command, keepServer } from "./kept-server.ts";
import type { ServerSource } from "./server-source.ts";
import type { ServerOptions } from "./test-server.ts";
import { unprivilegedUser } from "./unprivileged-user.ts";

/** Tests needn't survive a power cut, so commits don't flush to disk. */
export const NOT_DURABLE = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"];

/** Directories of packages that aren't on the PATH: Debian, Red Hat, Homebrew on ARM and Intel. */
const PACKAGED = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/usr/local/opt/postgresql@*/bin",
];

/** A new cluster, from the programs on this machine. */
export function postgresCluster(options: ServerOptions): ServerSource {
  return {
    name: "this machine",
    async start() {
      const initdb = findExecutable(["initdb"], PACKAGED);
      if (!initdb) return { unavailable: `no \`initdb\` on the PATH or in ${PACKAGED.join(", ")}` };
      return postgresPrograms(this.name, initdb, options).start();
    },
  };
}

/** A new cluster, from the programs next to this `initdb`. */
export function postgresPrograms(name: string, initdb: string, options: ServerOptions): ServerSource {
  const start = (port: number) => startCluster(dirname(initdb), port, options);
  return { name, start: () => (options.port === undefined ? withFreePort(start) : start(options.port)) };
}

async function startCluster(programs: string, port: number, options: ServerOptions) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "queue-postgres-")));
  const { password, isNew, file } = await passwordOf(directory);
  // Postgres refuses to run as root.
  const user = unprivilegedUser();
  if (user) await Promise.all([directory, file].map((path) => chown(path, user.uid, user.gid)));

  const data = join(directory, "data");
  const initdb: Command = [
    join(programs, "initdb"),
    ...["--pgdata", data, "--username", "postgres", "--pwfile", file, "--auth", "scram-sha-256"],
    ...["--encoding", "UTF8", "--no-locale", "--no-sync"],
  ];
  const postgres: Command = [
    join(programs, "postgres"),
    ...["-D", data, "-p", `${port}`, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    ...NOT_DURABLE,
    ...(options.args ?? []),
  ];
  const kept = await keepServer({
    commands: isNew ? [initdb, postgres] : [postgres],
    directory,
    removeDirectory: options.directory === undefined,
    readyWhen: "ready to accept connections",
    readyWithin: 60_000,
    stopSignal: "SIGINT",
    user,
  });
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, ...kept };
}

/**
 * The cluster's password, stored next to its data for a cluster that restarts. Without one, anyone on this machine
 * could run programs as the user of the tests, because a database superuser can.
 */
async function passwordOf(directory: string): Promise<{ password: string; isNew: boolean; file: string }> {
  const file = join(directory, "password");
  try {
    return { password: await readFile(file, "utf8"), isNew: false, file };
  } catch {
    const password = randomUUID();
    await writeFile(file, password, { mode: 0o600 });
    return { password, isNew: true, file };
  }
}
