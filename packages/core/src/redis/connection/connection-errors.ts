import { engineClosed } from "../../engine/engine-closed.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { sentence } from "../../errors/sentence.ts";
import { describeThrown, isErrorLike } from "../../errors/thrown.ts";
import { NO_CLUSTER } from "../codec/server-problems.ts";

/** Replies of a server that will work again by itself. */
const TEMPORARY = new Set([
  "LOADING",
  "BUSY",
  "READONLY",
  "MASTERDOWN",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "NOREPLICAS",
  "MISCONF",
]);

/** What to change when the server refuses until a setting changes. */
const REMEDIES: Readonly<Record<string, string>> = {
  WRONGPASS: "Check the user and the password in the Redis URL.",
  NOAUTH: 'Put its password into the Redis URL: "redis://:password@host:6379".',
  NOPERM:
    'Use another user, or give it the rights of the `ACL SETUSER` in the guide, under "A user with few rights".',
  DENIED: "Set a password and put it into the Redis URL, or turn off `protected-mode`.",
  MOVED: `It belongs to a Redis Cluster. ${NO_CLUSTER}`,
  ASK: `It belongs to a Redis Cluster. ${NO_CLUSTER}`,
};

interface ReplyError extends Error {
  readonly name: "ReplyError";
}

/** Whether the server replied with this error; otherwise the connection failed. By name: ioredis may be there twice. */
export function isReply(error: unknown): error is ReplyError {
  return isErrorLike(error) && error.name === "ReplyError";
}

/**
 * The code of an error reply: its first word. Before version 7, Redis wraps the error of a command in a script:
 * `ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -OOM command not allowed …`.
 */
export function replyCode({ message }: Error): string {
  // The wording of Redis 6 and 7, then that of 8.
  if (/The user executing the script can't|ACL failure in script/.test(message)) return "NOPERM";
  const inner = message.startsWith("ERR Error running script") ? / -([A-Z]+) /.exec(message) : undefined;
  return inner?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? "";
}

/** The error for the caller of a refused command; `undefined` if the reply isn't about the server's state, but a bug. */
export function fromReply(reply: Error, address: string, user?: string): QueueError | undefined {
  const code = replyCode(reply);
  const cause = withoutCommand(reply);
  const text =
    code === "NOPERM"
      ? noPermission(reply.message, user)
      : // Redis goes on with how to log in by hand.
        code === "NOAUTH"
        ? "NOAUTH Authentication required."
        : sentence(reply.message);
  const said = `Redis at ${address} refused: ${text}`;
  if (code === "OOM") return new QueueError("ENGINE_FULL", `${said} ${FULL}`, { cause });
  if (TEMPORARY.has(code)) return new QueueError("ENGINE_UNAVAILABLE", `${said} ${AGAIN}`, { cause });
  const remedy = Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined;
  return remedy === undefined
    ? undefined
    : new QueueError("ENGINE_MISCONFIGURED", `${said} ${remedy}`, { cause });
}

/** Who lacks what. Of a script that was refused inside, Redis 6 and 7 name neither the user nor the command. */
function noPermission(message: string, user: string | undefined): string {
  const named = user ?? /User (\S+) has no permissions/.exec(message)?.[1];
  const [, command] = /run the '([^']+)' command/.exec(message) ?? [];
  const what = /channel/i.test(message)
    ? "use the channels of this namespace"
    : /\bkeys?\b/i.test(message)
      ? "use all keys of this namespace"
      : command === undefined
        ? "call all commands that the engine's scripts need, such as those that write"
        : `call ${command}`;
  return `NOPERM The user${named === undefined ? "" : ` ${named}`} may not ${what}.`;
}

/** The error for a channel of a namespace that the user may not subscribe to. */
export function fromSubscribing(
  reply: Error,
  { address, user = "default" }: { readonly address: string; readonly user: string | undefined },
  channel: string,
): QueueError {
  if (replyCode(reply) !== "NOPERM") return fromGreeting(reply, address);
  const keys = channel.replace(/\}:.*$/s, "}:");
  // A subscriber notes that it listens, so that events are published. The selector needs Redis 7.
  const notes = `~${keys}nothing ~${keys}listeners* ~${keys}watched*`;
  const selector = `(+del +sadd +srem +set +pexpire +hset +hdel ${notes})`;
  const rule = `ACL SETUSER ${user} +subscribe +unsubscribe &${keys}* ${selector}`;
  return misconfigured(
    address,
    `refused to send events: ${sentence(reply.message)} Give the user that right: ${rule}`,
    withoutCommand(reply),
  );
}

/** The error for a reply while connecting, which is always about the server's state. */
export function fromGreeting(reply: Error, address: string, user?: string): QueueError {
  const known = fromReply(reply, address, user);
  if (known !== undefined) return known;
  const cause = withoutCommand(reply);
  return /DB index|invalid password|AUTH/i.test(reply.message)
    ? misconfigured(address, `refused: ${sentence(reply.message)} ${SETTINGS}`, cause)
    : unavailable(address, `refused the connection: ${reply.message}`, cause);
}

/** `what` continues the sentence after the server's name. */
export function unavailable(address: string, what: string, cause?: Error): QueueError {
  return new QueueError("ENGINE_UNAVAILABLE", `Redis at ${address} ${sentence(what)} ${AGAIN}`, {
    ...(cause !== undefined && { cause: withoutCommand(cause) }),
  });
}

/** A setting has to change. `what` continues after the server's name, and ends with a period. */
function misconfigured(address: string, what: string, cause: Error): QueueError {
  return new QueueError("ENGINE_MISCONFIGURED", `Redis at ${address} ${what}`, { cause });
}

interface OpeningFailure {
  /** The error of the socket or the reply parser; `undefined` if the server closed the connection. */
  readonly error: Error | undefined;
  /** Whether the connection began with TLS; `undefined` where that isn't known. */
  readonly tls: boolean | undefined;
}

/** The error of a connection that failed before the server's first answer. */
export function fromOpening({ error, tls }: OpeningFailure, address: string): QueueError {
  if (error === undefined || codeOf(error) === "ECONNRESET") {
    const hint = tls === false ? ". A server with TLS does that: then the URL begins with `rediss://`" : "";
    return unavailable(address, `closed the connection before it answered${hint}`, error);
  }
  if (isReply(error)) return fromGreeting(error, address);
  const byte = foreignByte(error);
  if (byte === 21 || byte === 22) {
    return misconfigured(address, "answers with TLS. Begin the URL with `rediss://`.", error);
  }
  if (byte !== undefined) {
    return misconfigured(address, "doesn't answer in Redis' protocol. Check the host and the port.", error);
  }
  const code = codeOf(error);
  if (code.startsWith("ERR_SSL_")) {
    return misconfigured(
      address,
      "answers without TLS. If that is the port of your Redis, begin the URL with `redis://`.",
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

export function unreachable(error: Error, address: string): QueueError {
  return unavailable(address, `can't be reached: ${textOf(error)}`, error);
}

const NOTHING_THERE = new Set(["ECONNREFUSED", "ENOENT", "ENOTFOUND", "EAI_AGAIN"]);

/** Whether nothing listens at the address, or its name is unknown, so that waiting for an answer is pointless. */
export function isRefusal({ cause }: QueueError): boolean {
  return NOTHING_THERE.has(codeOf(cause));
}

/** Whether ioredis failed to parse a reply: the server doesn't speak Redis' protocol. */
export function isProtocolError(error: Error): boolean {
  return foreignByte(error) !== undefined;
}

/** The first byte of a reply that isn't in Redis' protocol. */
function foreignByte({ message }: Error): number | undefined {
  const [, byte] = /^Unknown RESP type (\d+)/.exec(message) ?? [];
  return byte === undefined ? undefined : Number(byte);
}

export function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | undefined)?.code ?? "");
}

/** A name with several addresses fails with an error per address and no message of its own. */
function textOf(error: Error): string {
  if (error.message !== "") return error.message;
  const each = describeThrown(error).errors.map(({ message }) => message);
  return each.join(", ") || codeOf(error) || error.name;
}

export function closed(): QueueError {
  return engineClosed("redis");
}

const FULL = "Let workers drain the queues, or raise `maxmemory`.";
const AGAIN = "Running processes reconnect by themselves.";
const SETTINGS = "Check the user, the password and the database in the Redis URL.";

/** ioredis attaches the command to its errors, with payloads and the password of the handshake. */
function withoutCommand(error: Error): Error {
  if ("command" in error) delete error.command;
  return error;
}
