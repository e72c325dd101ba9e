import type { Finding } from "../../engine/finding.ts";
import { isQueueError } from "../../errors/queue-error.ts";
import { findingsOfServer } from "../codec/server-findings.ts";
import type { ClientSource } from "./client-source.ts";
import { fromGreeting, replyCode } from "./connection-errors.ts";
import { findNamespace } from "./namespace-findings.ts";
import { RedisSession } from "./redis-session.ts";
import { missingRights, probeArgs } from "./rights.ts";
import { findingOfRights } from "./rights-finding.ts";
import { transportFinding } from "./transport-finding.ts";

const CONNECT_TIMEOUT = 4_000;
const COMMAND_TIMEOUT = 3_000;
const PINGS = 5;

export interface DiagnosisScope {
  /** Of the namespace's keys. */
  readonly prefix: string;
  /** Of its channels. */
  readonly channels: string;
  readonly allowEviction: boolean;
}

/** The reply of a command, or the server's error where the user may not call it, or it doesn't exist. */
export type Answer<T> = { readonly reply: T } | { readonly refusal: string };

/** Calls a command of the server. */
export type Ask = <T>(command: string, ...args: readonly (string | number)[]) => Promise<Answer<T>>;

/**
 * Looks at a server over a connection of its own, also where the engine refuses it. Changes nothing, and ends after a
 * lost connection with what was found until then. Never rejects.
 */
export async function diagnose(source: ClientSource, scope: DiagnosisScope): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let session: RedisSession | undefined;
  try {
    session = await open(source);
    await examine(session, source, scope, findings);
  } catch (error) {
    findings.push(connectionProblem(error));
  } finally {
    // Not awaited: a socket that hangs reports its end late.
    void session?.end(() => fromGreeting(new Error("closed"), source.address));
  }
  return findings;
}

async function open(source: ClientSource): Promise<RedisSession> {
  const { address, tls } = source;
  const settings = { address, tls, commandTimeout: COMMAND_TIMEOUT };
  const session = new RedisSession(await source.create(0), settings, () => {});
  await session.open(Math.min(source.connectTimeout, CONNECT_TIMEOUT));
  return session;
}

function connectionProblem(error: unknown): Finding {
  const { message } = error as Error;
  const isAway = isQueueError(error) && error.retryable;
  return {
    check: "connection",
    status: "problem",
    text: message,
    ...(isAway && {
      remedy:
        "Check that the server runs, that this machine may reach it, and the host and port of the Redis URL.",
    }),
  };
}

async function examine(
  session: RedisSession,
  source: ClientSource,
  { prefix, channels, allowEviction }: DiagnosisScope,
  findings: Finding[],
): Promise<void> {
  const { client } = session;
  const { address } = source;
  const refused: [string, string][] = [];
  const ask: Ask = (command, ...args) =>
    session.send<Answer<never>>(
      client.call(command, ...args).then((reply) => ({ reply: reply as never })),
      (reply) => {
        if (replyCode(reply) === "NOPERM") refused.push([command, reply.message]);
        // Wrong passwords and servers that start are the connection's.
        else if (!/^ERR|^NOSCRIPT|^WRONGTYPE|^OOM|^READONLY/.test(reply.message))
          throw fromGreeting(reply, address);
        return { refusal: reply.message };
      },
    );
  const times: number[] = [];
  for (let count = 0; count < PINGS; count++) {
    const start = performance.now();
    await ask("ping");
    times.push(performance.now() - start);
  }
  session.markUsable();
  findings.push(transportFinding(source), latencyFinding(times));
  const [info, save, fsync] = [
    await ask<string>("info"),
    await ask<readonly string[]>("config", "get", "save"),
    await ask<readonly string[]>("config", "get", "appendfsync"),
  ];
  // `config` isn't among the rights of an engine.
  refused.length = 0;
  if ("refusal" in info) refused.push(["info", info.refusal]);
  findings.push(...findingsOfServer({ info, save, fsync, allowEviction }), await findClock(ask));
  const [key, channel] = [`${prefix}nothing`, `${channels}nothing`];
  await ask("get", key);
  const probed = await ask<readonly (readonly [string, string])[]>("eval", ...probeArgs(key, channel));
  // By its hash a script is called; that of none is unknown, unless the user may not call any.
  await ask("evalsha", "0".repeat(40), 0);
  if ("reply" in probed)
    refused.push(...probed.reply.map(([name, text]) => [name, text] as [string, string]));
  const namespace = await findNamespace(ask, prefix, source.database);
  const rights = refused.filter(([command]) => command !== "ping");
  // Last: a connection that subscribes can do nothing else.
  const subscribed = await ask("subscribe", channel);
  if ("refusal" in subscribed) rights.push(["subscribe", subscribed.refusal]);
  findings.push(
    findingOfRights({
      missing: missingRights(rights),
      user: source.user ?? "default",
      problem:
        "refusal" in probed && replyCode(new Error(probed.refusal)) !== "NOPERM" ? probed.refusal : undefined,
      scope: { prefix, channels },
    }),
    namespace,
  );
}

function latencyFinding(times: readonly number[]): Finding {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const shown = (time: number) =>
    `${time < 10 ? Math.max(0.1, Math.round(time * 10) / 10) : Math.round(time)} ms`;
  const text = `A round trip takes ${shown(median)} (median of ${times.length}, at most ${shown(sorted.at(-1)!)}).`;
  if (median < SLOW) return { check: "latency", status: "ok", text };
  return {
    check: "latency",
    status: "warning",
    text,
    remedy: "Run the app and its workers close to the server: each send and each claim takes a round trip.",
  };
}

/** Milliseconds of a round trip; within a region it takes less. */
const SLOW = 20;
/** Milliseconds: of clocks that are kept in sync, with the time of a slow round trip. */
const MAX_CLOCK_DIFFERENCE = 2_000;

async function findClock(ask: Ask): Promise<Finding> {
  const check = "clock";
  const before = Date.now();
  const answer = await ask<readonly [string, string]>("time");
  const middle = (before + Date.now()) / 2;
  if ("refusal" in answer)
    return { check, status: "skipped", text: "The user may not ask for the server's time." };
  const [seconds, microseconds] = answer.reply;
  const difference = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - middle;
  const size = `${Math.round(Math.abs(difference) / 100) / 10} s`;
  if (Math.abs(difference) < MAX_CLOCK_DIFFERENCE) {
    return { check, status: "ok", text: "It agrees with this machine's." };
  }
  return {
    check,
    status: "warning",
    text: `The server's clock is ${size} ${difference > 0 ? "ahead of" : "behind"} this machine's.`,
    remedy:
      "Keep both in sync by NTP: jobs are due by the server's clock, and status rows are ordered by this one.",
  };
}
