import { engineClosed } from "../../engine/engine-closed.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { sentence } from "../../errors/sentence.ts";
import { describeThrown, isErrorLike } from "../../errors/thrown.ts";

/** The server can't serve now, and will again by itself. */
const PASSING = new Set([
  "LOADING",
  "BUSY",
  "READONLY",
  "MASTERDOWN",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "NOREPLICAS",
  "MISCONF",
]);

/** What works instead of a Cluster. */
export const NO_CLUSTER =
  "All keys of a namespace must be on one server: use one primary, with or without Sentinels.";

/** The server will go on refusing until somebody changes a setting: which one. */
const REFUSALS: Readonly<Record<string, string>> = {
  WRONGPASS: "Check the user and the password in `url`, or in the `client`'s options.",
  NOAUTH:
    'It wants a password: put one into `url` ("redis://:password@host:6379"), or the `client`\'s options.',
  NOPERM:
    "Give the user the commands, keys and channels that it lacks; `ACL SETUSER <user> ~* &* +@all` gives them all.",
  DENIED: "Give it a password and put that into `url`, or turn its `protected-mode` off.",
  MOVED: `It belongs to a Redis Cluster. ${NO_CLUSTER}`,
  ASK: `It belongs to a Redis Cluster. ${NO_CLUSTER}`,
};

interface ReplyError extends Error {
  readonly name: "ReplyError";
}

/** Whether the server said it; otherwise the connection failed. By name, as there may be copies of the class. */
export function isReply(error: unknown): error is ReplyError {
  return isErrorLike(error) && error.name === "ReplyError";
}

/**
 * The first word of what the server said. Redis before 7 hands on an error of a command in a script as
 * `ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -OOM command not allowed …`.
 */
export function replyCode({ message }: Error): string {
  // Redis 6 and 7, then 8.
  if (/The user executing the script can't|ACL failure in script/.test(message)) return "NOPERM";
  const inner = message.startsWith("ERR Error running script") ? / -([A-Z]+) /.exec(message) : undefined;
  return inner?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? "";
}

/** What a refusal means to our caller. `undefined` where it says nothing about the server's state: a bug. */
export function fromReply(reply: Error, address: string): QueueError | undefined {
  const code = replyCode(reply);
  const cause = withoutCommand(reply);
  const said = `Redis at ${address} refused: ${sentence(reply.message)}`;
  if (code === "OOM") return new QueueError("ENGINE_FULL", `${said} ${FULL}`, { cause });
  if (PASSING.has(code)) return new QueueError("ENGINE_UNAVAILABLE", `${said} ${AGAIN}`, { cause });
  const remedy = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  return remedy === undefined
    ? undefined
    : new QueueError("ENGINE_MISCONFIGURED", `${said} ${remedy}`, { cause });
}

/** What a refusal while connecting means: there it always is about the server's state. */
export function fromGreeting(reply: Error, address: string): QueueError {
  const known = fromReply(reply, address);
  if (known !== undefined) return known;
  const cause = withoutCommand(reply);
  return /DB index|invalid password|AUTH/i.test(reply.message)
    ? misconfigured(address, `refused: ${sentence(reply.message)} ${SETTINGS}`, cause)
    : unavailable(address, `refused the connection: ${reply.message}`, cause);
}

/** The server can't be reached. `what` goes on after its name. */
export function unavailable(address: string, what: string, cause?: Error): QueueError {
  return new QueueError("ENGINE_UNAVAILABLE", `Redis at ${address} ${sentence(what)} ${AGAIN}`, {
    ...(cause !== undefined && { cause: withoutCommand(cause) }),
  });
}

/** Somebody has to change a setting. `what` goes on after the server's name, in whole sentences. */
function misconfigured(address: string, what: string, cause: Error): QueueError {
  return new QueueError("ENGINE_MISCONFIGURED", `Redis at ${address} ${what}`, { cause });
}

interface OpeningFailure {
  /** What the socket, or the parser of the answers, said; `undefined` when the other side hung up or was silent. */
  readonly error: Error | undefined;
  /** Whether we began with TLS; `undefined` where that isn't known. */
  readonly tls: boolean | undefined;
}

/** What it means that a connection failed before the server's first answer. */
export function fromOpening({ error, tls }: OpeningFailure, address: string): QueueError {
  if (error === undefined || codeOf(error) === "ECONNRESET") {
    const hint = tls === false ? ". A server with TLS does that: then the URL begins with `rediss://`" : "";
    return unavailable(address, `closed the connection before it answered${hint}`, error);
  }
  if (isReply(error)) return fromGreeting(error, address);
  const byte = strangeByte(error);
  if (byte === 21 || byte === 22) {
    return misconfigured(address, "answers with TLS. Begin the URL with `rediss://`.", error);
  }
  if (byte !== undefined) {
    return misconfigured(address, "answers, and not as Redis does. Check the host and the port.", error);
  }
  const code = codeOf(error);
  if (code.startsWith("ERR_SSL_")) {
    return misconfigured(
      address,
      "answers, and not with TLS. If that is the port of your Redis, begin the URL with `redis://`.",
      error,
    );
  }
  if (/CERT|VERIFY_LEAF/.test(code)) {
    return misconfigured(
      address,
      `has a certificate that isn't trusted: ${sentence(textOf(error))} Configure a \`client\` with its \`tls.ca\`.`,
      error,
    );
  }
  return unreachable(error, address);
}

/** The server can't be reached, or no longer. */
export function unreachable(error: Error, address: string): QueueError {
  return unavailable(address, `can't be reached: ${textOf(error)}`, error);
}

/** Whether nobody listens at the address: waiting for an answer is in vain. */
export function isRefusal({ cause }: QueueError): boolean {
  const code = codeOf(cause);
  return code === "ECONNREFUSED" || code === "ENOENT";
}

/** Whether ioredis can't read what came: it isn't Redis' protocol. */
export function isStrange(error: Error): boolean {
  return strangeByte(error) !== undefined;
}

/** The byte with which an answer began that isn't one of Redis'. */
function strangeByte({ message }: Error): number | undefined {
  const [, byte] = /^Unknown RESP type (\d+)/.exec(message) ?? [];
  return byte === undefined ? undefined : Number(byte);
}

export function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | undefined)?.code ?? "");
}

/** A name with several addresses fails with an error for each, and no text of its own. */
function textOf(error: Error): string {
  if (error.message !== "") return error.message;
  const each = describeThrown(error).errors.map(({ message }) => message);
  return each.join(", ") || codeOf(error) || error.name;
}

export function closed(): QueueError {
  return engineClosed("redis");
}

const FULL = "Let workers drain the queues, or raise `maxmemory`.";
const AGAIN = "The engine reconnects by itself; try again.";
const SETTINGS = "Check the user, the password and the database in `url`, or in the `client`'s options.";

/** ioredis hangs the whole command on its errors: payloads, and the password of the handshake. */
function withoutCommand(error: Error): Error {
  if ("command" in error) delete error.command;
  return error;
}
