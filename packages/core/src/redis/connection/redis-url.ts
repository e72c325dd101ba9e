import { QueueError } from "../../errors/queue-error.ts";

/** The address of a server, as ioredis' options name it. */
export interface RedisAddress {
  readonly host?: string;
  readonly port?: number;
  /** Of a unix socket. */
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly family?: number;
  readonly tls?: { readonly servername?: string };
}

const FORMS =
  '"redis://user:password@host:6379/0", "rediss://…" for TLS, or "unix:///path/to/redis.sock?db=0"; ' +
  "special characters in the password are percent-encoded";

/**
 * Not parsed by ioredis, which takes any of its options from the query and ignores what it doesn't know. Errors quote
 * no part of the text: in a malformed URL, any part may belong to the password.
 *
 * @throws {QueueError} `INVALID_OPTIONS`, with `name` for the setting.
 */
export function parseRedisUrl(text: string, name: string): RedisAddress {
  const refuse = (why: string) => new QueueError("INVALID_OPTIONS", `${name} ${why}. It takes ${FORMS}.`);
  const url = parseUrl(text);
  if (url === undefined) throw refuse("isn't a URL");
  if (url.hash !== "") throw refuse('has a "#" in it');
  if (url.protocol === "unix:") {
    if (url.host !== "" || url.pathname === "" || url.pathname === "/") throw refuse("names no socket");
    const { db } = parseQuery(url.searchParams, ["db"], refuse);
    return { path: decode(url.pathname, refuse), ...(db !== undefined && { db }) };
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") throw refuse("has an unknown scheme");
  if (url.hostname === "") throw refuse("names no host");
  const host = decode(url.hostname, refuse).replace(/^\[(.*)\]$/, "$1");
  const inPath = /^\/?$/.test(url.pathname) ? undefined : /^\/(\d{1,6})$/.exec(url.pathname)?.[1];
  if (inPath === undefined && url.pathname.length > 1) throw refuse("has a database that isn't a number");
  const { db = inPath === undefined ? undefined : Number(inPath), family } = parseQuery(
    url.searchParams,
    inPath === undefined ? ["db", "family"] : ["family"],
    refuse,
  );
  return {
    host,
    port: url.port === "" ? 6379 : Number(url.port),
    ...(url.username !== "" && { username: decode(url.username, refuse) }),
    ...(url.password !== "" && { password: decode(url.password, refuse) }),
    ...(db !== undefined && { db }),
    ...(family !== undefined && { family }),
    // Servers that share an address are told apart by this name, which Node doesn't send by itself.
    ...(url.protocol === "rediss:" && { tls: isAddress(host) ? {} : { servername: host } }),
  };
}

/** For messages and logs: without user and password. */
export function describeAddress({ host = "localhost", port = 6379, path, db }: RedisAddress): string {
  const place = path ?? `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return db === undefined || db === 0 ? place : `${place} (database ${db})`;
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[\d.]+$/.test(host);
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function parseQuery<Name extends string>(
  query: URLSearchParams,
  names: readonly Name[],
  refuse: (why: string) => QueueError,
): { readonly [name in Name]?: number } {
  const values: { [name in Name]?: number } = {};
  for (const [key, value] of query) {
    const name = names.find((candidate) => candidate === key);
    if (name === undefined) {
      throw refuse(
        `has parameters other than ${names.join(" and ")} (anything else: configure a \`client\`)`,
      );
    }
    if (!/^\d{1,6}$/.test(value)) throw refuse(`has a ${name} that isn't a number`);
    values[name] = Number(value);
  }
  return values;
}

function decode(text: string, refuse: (why: string) => QueueError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse('has a "%" that doesn\'t begin an escape');
  }
}
