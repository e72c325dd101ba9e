import { MAX_BEAT_ATTEMPTS } from "../../engine/engine-limits.ts";
import type { WaitingMessage, WorkerBeat, WorkerInfo, WorkerRecord } from "../../engine/workers.ts";

/** The record of a worker, without what the scripts keep beside it. */
export function workerRecordText({ uptime: _, ...record }: WorkerRecord): string {
  return JSON.stringify(record);
}

const QUIET = "quiet";

/** The number of handlers that run, then id and duration of each attempt in turn, then `QUIET` of a quiet worker. */
export function beatText({ running, attempts, quiet }: WorkerBeat): string {
  const some = attempts.slice(0, MAX_BEAT_ATTEMPTS);
  const flat = some.flatMap(({ id, duration }) => [id, Math.round(duration)]);
  return JSON.stringify([running, ...flat, ...(quiet ? [QUIET] : [])]);
}

/** Decodes the reply of `lua/workers.lua`. Leaves out what can't be read: other programs may have written it. */
export function parseWorkers(reply: readonly (string | null)[]): readonly WorkerInfo[] {
  const workers: WorkerInfo[] = [];
  for (let index = 0; index < reply.length; index += 3) {
    const [seenAt, text, beat] = reply.slice(index, index + 3);
    const [, startedAt, json] = /^(\d+) (.*)$/s.exec(text ?? "") ?? [];
    const record = parseOr<Omit<WorkerRecord, "uptime"> | null>(json, null);
    if (!record?.id || !Array.isArray(record.handles) || !Array.isArray(record.queues)) continue;
    workers.push({
      ...record,
      startedAt: Number(startedAt),
      seenAt: Number(seenAt),
      ...parseBeat(beat, Number(seenAt)),
    });
  }
  return workers;
}

function parseBeat(
  text: string | null | undefined,
  at: number,
): Pick<WorkerInfo, "running" | "attempts" | "quiet"> {
  const parsed = parseOr<readonly (string | number)[]>(text, []);
  const [running = 0, ...flat] = Array.isArray(parsed) ? parsed : [];
  const attempts: { id: string; since: number }[] = [];
  const quiet = flat.length % 2 === 1 && flat.at(-1) === QUIET;
  for (let index = 0; index + 1 < flat.length; index += 2) {
    attempts.push({ id: String(flat[index]), since: at - Number(flat[index + 1]) });
  }
  return { running: Number(running), attempts, quiet };
}

function parseOr<T>(text: string | null | undefined, otherwise: T): T {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return otherwise;
  }
}

/** Decodes the reply of `lua/waiting.lua`. */
export function parseWaiting(reply: readonly (string | number)[]): readonly WaitingMessage[] {
  const waiting: WaitingMessage[] = [];
  for (let index = 0; index < reply.length; index += 4) {
    const [queue, message, version, waited] = reply.slice(index, index + 4);
    waiting.push({
      queue: String(queue),
      message: String(message),
      version: Number(version),
      waited: Number(waited),
    });
  }
  return waiting;
}
