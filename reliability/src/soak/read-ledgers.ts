import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Edge, JobTable } from "./job-table.ts";

export interface LedgerFacts {
  /** Violations found while reading. */
  readonly problems: string[];
  claims: number;
  accepted: number;
  stale: number;
}

/** Reads all ledgers into the table, line by line. Producers first, so that claims find their jobs. */
export async function readLedgers(paths: readonly string[], table: JobTable): Promise<LedgerFacts> {
  const facts: LedgerFacts = { problems: [], claims: 0, accepted: 0, stale: 0 };
  for (const path of paths) {
    for await (const line of createInterface({ input: createReadStream(path, "utf8") })) {
      // The content of a cut line was never acknowledged.
      if (line.endsWith(" ;")) readLine(line.slice(0, -2), table, facts);
    }
  }
  return facts;
}

function readLine(line: string, table: JobTable, facts: LedgerFacts): void {
  const [type, ...words] = line.split(" ");
  switch (type) {
    case "S":
      for (const word of words.slice(1)) readSend(word, table);
      break;
    case "A":
      for (const id of words) table.markAcknowledged(table.indexOf(id));
      break;
    case "X":
      for (const id of words) table.markCancelAsked(table.indexOf(id));
      break;
    case "C":
      readClaims(words, table, facts);
      break;
    case "E":
      for (const word of words.slice(1)) {
        const [id, , outcome] = word.split(":");
        if (outcome && outcome !== "r") table.markEnding(table.indexOf(id!), Number(words[0]));
      }
      break;
    case "V":
      for (const word of words) {
        const [id, , outcome] = word.split(":");
        facts.accepted++;
        if (outcome && outcome !== "r") table.markAccepted(table.indexOf(id!), outcome);
      }
      break;
    case "L":
      facts.stale += Number(words[0]);
      break;
    default:
      break;
  }
}

function readSend(word: string, table: JobTable): void {
  const [head = "", edges] = word.split(">");
  const [id = "", key] = head.split("|");
  const index = table.indexOf(id);
  if (!table.markSent(index)) return;
  if (key !== undefined) {
    const line = table.byKey.get(key);
    if (line) line.push(index);
    else table.byKey.set(key, [index]);
  }
  if (edges === undefined) return;
  const list = edges.split(",").map((edge): Edge => {
    return { on: table.indexOf(edge.slice(0, -1)), policy: edge.slice(-1) };
  });
  table.dependencies.set(index, list);
}

function readClaims([at, ...words]: readonly string[], table: JobTable, facts: LedgerFacts): void {
  for (const word of words) {
    const [id = "", epoch, reserved] = word.split(":");
    const index = table.indexOf(id);
    facts.claims++;
    if (!table.isSent(index)) facts.problems.push(`${id} was claimed, but never sent`);
    if (!table.markClaimed(index, Number(epoch), Number(at), reserved === "r")) {
      facts.problems.push(`${id} was claimed twice with epoch ${epoch}`);
    }
  }
}
