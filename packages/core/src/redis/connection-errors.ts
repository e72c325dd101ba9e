import { engineClosed } from "../engine/engine-closed.ts";
import { QueueError } from "../errors/queue-error.ts";

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

const CLUSTER = "It belongs to a Redis Cluster: use a server with one primary, with or without Sentinels.";

/** The server will go on refusing until somebody changes a setting: which one. */
const REFUSALS: Readonly<Record<string, string>> = {
  WRONGPASS: "Check the user and the password in `url`, or in the `client`'s options.",
  NOAUTH:
    'It wants a password: put one into `url` ("redis://:password@host:6379"), or the `client`\'s options.',
  NOPERM:
    "Give the user the commands, keys and channels that it lacks; `ACL SETUSER <user> ~* &* +@all` gives them all.",
  DENIED: "Give it a password and put that into `url`, or turn its `protected-mode` off.",
  MOVED: CLUSTER,
  ASK: CLUSTER,
};

interface ReplyError extends Error {
  readonly name: "ReplyError";
}

/** Whether the server said it; otherwise the connection failed. By name, as there may be copies of the class. */
export function isReply(error: unknown): error is ReplyError {
  return error instanceof Error && error.name === "ReplyError";
}

/**
 * The first word of what the server said. Redis before 7 hands on an error of a command in a script as
 * `ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -OOM command not allowed …`.
 */
export function replyCode({ message }: Error): string {
  if (message.includes("The user executing the script can't")) return "NOPERM";
  const inner = message.startsWith("ERR Error running script") ? / -([A-Z]+) /.exec(message) : undefined;
  return inner?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? "";
}

/** What a refusal means to our caller. `undefined` where it says nothing about the server's state: a bug. */
export function fromReply(reply: Error, address: string): QueueError | undefined {
  const code = replyCode(reply);
  const cause = withoutCommand(reply);
  const said = `Redis at ${address} refused: ${reply.message.replace(/\.?$/, ".")}`;
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
    ? new QueueError("ENGINE_MISCONFIGURED", `Redis at ${address} refused: ${reply.message}. ${SETTINGS}`, {
        cause,
      })
    : unavailable(address, `refused the connection: ${reply.message}`, cause);
}

/** The server can't be reached. `what` goes on after its name. */
export function unavailable(address: string, what: string, cause?: Error): QueueError {
  return new QueueError("ENGINE_UNAVAILABLE", `Redis at ${address} ${what}. ${AGAIN}`, {
    ...(cause !== undefined && { cause: withoutCommand(cause) }),
  });
}

export function closed(): QueueError {
  return engineClosed("redis");
}

const FULL = "Let workers drain the queues, or raise `maxmemory`.";
const AGAIN = "The engine reconnects by itself; send again with the same id.";
const SETTINGS = "Check the user, the password and the database in `url`, or in the `client`'s options.";

/** ioredis hangs the whole command on its errors: payloads, and the password of the handshake. */
function withoutCommand(error: Error): Error {
  if ("command" in error) delete error.command;
  return error;
}
