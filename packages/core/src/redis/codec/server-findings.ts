import type { Finding } from "../../engine/finding.ts";
import { infoField, serverInfo } from "./server-info.ts";
import { findServerProblems, type ServerProblem } from "./server-problems.ts";

/** What a server says of itself, or its error where the user may not ask. */
type Answer<T> = { readonly reply: T } | { readonly refusal: string };

interface ServerAnswers {
  readonly info: Answer<string>;
  /** Of `CONFIG GET`: name and value. */
  readonly save: Answer<readonly string[]>;
  readonly fsync: Answer<readonly string[]>;
  readonly allowEviction: boolean;
}

/** Findings by what `INFO` and `CONFIG` answer. */
export function findingsOfServer({ info, save, fsync, allowEviction }: ServerAnswers): readonly Finding[] {
  if ("refusal" in info) {
    const text = "The user may not call INFO: version, role, memory policy and persistence can't be seen.";
    return [{ check: "server", status: "skipped", text, remedy: "To see them: ACL SETUSER <user> +info" }];
  }
  const problems = findServerProblems(info.reply, { allowEviction });
  const problem = (check: ServerProblem["check"]) => problems.find((each) => each.check === check);
  const { version = "The server doesn't tell its version" } = serverInfo(info.reply, info.reply);
  const findings = [
    judge("version", problem("version"), `${version}.`),
    judge("role", problem("cluster") ?? problem("replica") ?? problem("loading"), roleText(info.reply)),
    judge("eviction", problem("eviction"), policyText(info.reply)),
  ];
  if (allowEviction && policyOf(info.reply) !== "noeviction" && infoField(info.reply, "maxmemory") !== "0") {
    findings.pop();
    findings.push({
      check: "eviction",
      status: "warning",
      text: `The maxmemory-policy is ${policyOf(info.reply)}, which \`allowEviction\` allows: jobs are deleted when the memory is full.`,
      remedy: "Set it to noeviction, so that the server refuses new jobs instead.",
    });
  }
  return [...findings, ...clientFindings(info.reply), persistence(info.reply, { save, fsync })];
}

function judge(check: string, problem: ServerProblem | undefined, text: string): Finding {
  if (problem === undefined) return { check, status: "ok", text };
  const { what, remedy = "Wait until it is over, or correct the address." } = problem;
  const sentence = `${what[0]!.toUpperCase()}${what.slice(1)}.`;
  return {
    check,
    status: "problem",
    text: what.startsWith("is ") ? `The server ${what}.` : sentence,
    remedy,
  };
}

function roleText(info: string): string {
  const replicas = Number(infoField(info, "connected_slaves") ?? 0);
  if (replicas === 0) return "Primary, without replicas.";
  return `Primary, with ${replicas === 1 ? "one replica" : `${replicas} replicas`}.`;
}

function policyOf(info: string): string {
  return infoField(info, "maxmemory_policy") ?? "noeviction";
}

function policyText(info: string): string {
  const limit = infoField(info, "maxmemory");
  if (limit === undefined)
    return "The server doesn't tell its memory limit, and deletes nothing that it tells of.";
  return limit === "0"
    ? "There is no memory limit, so nothing is deleted."
    : "noeviction: a full server refuses new jobs.";
}

/** Share of the connections that the server allows. */
const MANY_CLIENTS = 0.8;

function clientFindings(info: string): readonly Finding[] {
  const [used, max] = [Number(infoField(info, "connected_clients")), Number(infoField(info, "maxclients"))];
  if (!(used > max * MANY_CLIENTS)) return [];
  const text = `${used} of ${max} connections are used.`;
  const remedy = "Raise `maxclients`, or look for processes that open a queue for each request.";
  return [{ check: "clients", status: "warning", text, remedy }];
}

function persistence(info: string, { save, fsync }: Pick<ServerAnswers, "save" | "fsync">): Finding {
  const check = "persistence";
  const field = (name: string) => infoField(info, name);
  const aof = field("aof_enabled");
  if (aof === undefined)
    return { check, status: "skipped", text: "The server doesn't tell how it persists." };
  const isAof = aof === "1";
  const failed = isAof ? field("aof_last_write_status") === "err" : field("rdb_last_bgsave_status") === "err";
  if (failed) {
    return {
      check,
      status: "problem",
      text: `The server couldn't write its ${isAof ? "append-only file" : "last snapshot"}.`,
      remedy:
        "Look at its log: the disk may be full. Until then it may refuse writes, and a restart loses jobs.",
    };
  }
  if (isAof) {
    const mode = "reply" in fsync ? fsync.reply[1] : undefined;
    const loss = mode === "always" ? "a crash loses nothing that was answered" : lossOf(mode);
    return { check, status: "ok", text: `Append-only file${mode ? ` (${mode})` : ""}: ${loss}.` };
  }
  if ("refusal" in save) {
    return {
      check,
      status: "warning",
      text: "There is no append-only file. The user may not call CONFIG GET, so whether there are snapshots can't be seen.",
      remedy: AOF,
    };
  }
  if (save.reply[1] !== "") {
    const changes = field("rdb_changes_since_last_save");
    const since = changes === undefined ? "" : `, now ${changes} changes`;
    return {
      check,
      status: "warning",
      text: `Snapshots only: a crash loses all since the last one${since}.`,
      remedy: AOF,
    };
  }
  const text = "Nothing is written to disk: a restart loses every job.";
  return { check, status: "warning", text, remedy: AOF };
}

function lossOf(mode: string | undefined): string {
  return mode === "no" ? "a crash loses some 30 seconds" : "a crash loses up to a second";
}

const AOF =
  "Turn on the append-only file: `CONFIG SET appendonly yes` and in redis.conf; with a managed service, in its settings.";
