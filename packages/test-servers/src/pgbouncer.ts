import { chown, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianPackage } from "./debian-package.ts";
import { findExecutable } from "./executable.ts";
import { withFreePort } from "./free-port.ts";
import { keepServer } from "./kept-server.ts";
import type { ServerSource } from "./server-source.ts";
import type { TestServer } from "./test-server.ts";
import { unprivilegedUser } from "./unprivileged-user.ts";

export interface PgBouncerOptions {
  /** The URL of the Postgres server behind it, with user and password. All clients connect as that user. */
  readonly target: string;
  /** @default "transaction" */
  readonly mode?: "session" | "transaction" | "statement";
  /** Connections to the server. @default 4 */
  readonly poolSize?: number;
}

/**
 * Starts a PgBouncer in front of a Postgres server, or returns why there is none: few machines have it, and it is only
 * installed on Debian as root.
 *
 * @example
 * const pooler = await startPgBouncer({ target: postgres.url });
 * if ("unavailable" in pooler) return;
 */
export async function startPgBouncer(
  options: PgBouncerOptions,
): Promise<TestServer | { readonly unavailable: string }> {
  const machine = fromMachine(options);
  const reasons: string[] = [];
  for (const source of [machine, debianPackage("pgbouncer", machine)]) {
    const outcome = await source.start();
    if (!("unavailable" in outcome)) return { ...outcome, source: source.name };
    reasons.push(`${source.name}: ${outcome.unavailable}`);
  }
  return { unavailable: reasons.join("; ") };
}

function fromMachine(options: PgBouncerOptions): ServerSource {
  return {
    name: "this machine",
    async start() {
      const executable = findExecutable(["pgbouncer"], ["/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"]);
      if (!executable) return { unavailable: "no `pgbouncer` on the PATH or in /usr/sbin" };
      return withFreePort((port) => startOn(executable, port, options));
    },
  };
}

async function startOn(executable: string, port: number, options: PgBouncerOptions) {
  const { target, mode = "transaction", poolSize = 4 } = options;
  const { hostname, port: targetPort, username, password, pathname } = new URL(target);
  const directory = await mkdtemp(join(tmpdir(), "queue-pgbouncer-"));
  const file = join(directory, "pgbouncer.ini");
  const quote = (text: string) => `'${decodeURIComponent(text).replaceAll("'", "''")}'`;
  const login = `user=${quote(username)}${password === "" ? "" : ` password=${quote(password)}`}`;
  const settings = [
    "[databases]",
    `* = host=${hostname} port=${targetPort || 5432} ${login}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = any",
    `pool_mode = ${mode}`,
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 200",
    "ignore_startup_parameters = extra_float_digits",
  ];
  await writeFile(file, `${settings.join("\n")}\n`, { mode: 0o600 });
  // PgBouncer refuses to run as root.
  const user = unprivilegedUser();
  if (user) await Promise.all([directory, file].map((path) => chown(path, user.uid, user.gid)));
  const kept = await keepServer({
    commands: [[executable, file]],
    directory,
    removeDirectory: true,
    readyWhen: `listening on 127\\.0\\.0\\.1:${port}[\\s\\S]*process up`,
    readyWithin: 20_000,
    stopSignal: "SIGTERM",
    user,
  });
  return { url: `postgres://${username}@127.0.0.1:${port}${pathname}`, ...kept };
}
