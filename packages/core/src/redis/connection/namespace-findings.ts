import type { Finding } from "../../engine/finding.ts";
import type { Ask } from "./diagnosis.ts";
import { LAYOUT } from "./layout.ts";

/** Pages of keys that are looked at for other namespaces. */
const MAX_PAGES = 50;
const PAGE = 1_000;
const MAX_NAMED = 5;

/** How many queues the namespace has, and where the jobs are if it has none. */
export async function findNamespace(ask: Ask, prefix: string, database: number): Promise<Finding> {
  const check = "namespace";
  const name = `"${nameOf(prefix)}"`;
  const layout = await ask<string | null>("get", `${prefix}layout`);
  const queues = await ask<number>("scard", `${prefix}queues`);
  if ("refusal" in layout || "refusal" in queues) {
    return { check, status: "skipped", text: `The user may not read the keys of the namespace ${name}.` };
  }
  if (layout.reply !== null && layout.reply !== String(LAYOUT)) {
    return {
      check,
      status: "problem",
      text: `Another version of @org/queue wrote the namespace ${name} (layout ${layout.reply.slice(0, 20)}, this version has ${LAYOUT}).`,
      remedy: "Use that version, or another namespace.",
    };
  }
  const count = queues.reply;
  if (count > 0) {
    const text = `${name} has ${count === 1 ? "one queue" : `${count} queues`} on database ${database}.`;
    return { check, status: "ok", text };
  }
  const others = await findOthers(ask, prefix);
  if (others.length === 0) {
    return {
      check,
      status: "ok",
      text: `${name} is empty: nothing has been sent yet, on database ${database}.`,
    };
  }
  const named = others.slice(0, MAX_NAMED).map((other) => `"${other}"`);
  const more = others.length > MAX_NAMED ? ` and ${others.length - MAX_NAMED} more` : "";
  return {
    check,
    status: "warning",
    text: `${name} is empty, and database ${database} has jobs in ${named.join(", ")}${more}. Is it the wrong namespace?`,
    remedy: "Set QUEUE_NAMESPACE, or the `namespace` of the engine, to that of the app.",
  };
}

/** The other namespaces that have queues, as far as some ten thousand keys show them. */
async function findOthers(ask: Ask, prefix: string): Promise<readonly string[]> {
  const found = new Set<string>();
  let cursor = "0";
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ask<readonly [string, readonly string[]]>(
      "scan",
      cursor,
      "MATCH",
      "{*}:queues",
      "COUNT",
      PAGE,
    );
    if ("refusal" in answer) break;
    const [next, keys] = answer.reply;
    for (const key of keys) found.add(nameOf(key));
    cursor = next;
    if (cursor === "0") break;
  }
  found.delete(nameOf(prefix));
  return [...found].sort();
}

function nameOf(key: string): string {
  return key.slice(1, key.indexOf("}"));
}
