import { QueueError } from "../../errors/queue-error.ts";

/** Where a server is, in the words of ioredis' options. */
export interface RedisAddress {
  readonly host?: string;
  readonly port?: number;
  /** A unix socket. */
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
 * Parsed here and not by ioredis, which takes any of its options from the query and drops what it doesn't know.
 * No part of the text gets into an error: where a URL is wrong, any part of it may belong to the password.
 *
 * @throws {QueueError} `INVALID_OPTIONS`, with `name` for the setting.
 */
export function parseRedisUrl(text: string, name: string): RedisAddress {
  const refuse = (why: string) => new QueueError("INVALID_OPTIONS", `${name} ${why}. It takes ${FORMS}.`);
  const url = parseUrl(text);
  if (url === undefined) throw refuse("is no URL");
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
  if (inPath === undefined && url.pathname.length > 1) throw refuse("has a database that is no number");
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
    // Servers behind a shared address tell by the name which one is meant; Node sends none of its own accord.
    ...(url.protocol === "rediss:" && { tls: isAddress(host) ? {} : { servername: host } }),
  };
}

/** For messages and logs: never with a user or a password. */
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
    if (!/^\d{1,6}$/.test(value)) throw refuse(`has a ${name} that is no number`);
    values[name] = Number(value);
  }
  return values;
}

function decode(text: string, refuse: (why: string) => QueueError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse('has a "%" that encodes nothing');
  }
}
