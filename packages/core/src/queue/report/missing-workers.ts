import type { Engine } from "../../engine/engine.ts";
import type { WaitingMessage, WorkerInfo } from "../../engine/workers.ts";
import { coverageOf, describeMissing, describeNone } from "./coverage.ts";
import type { HealthReason } from "./health.ts";
import type { QueueStats } from "./stats.ts";

const MINUTE = 60_000;

/** The workers that are alive, and the messages that wait for one. */
export interface LiveWorkers {
  readonly workers: readonly WorkerInfo[];
  readonly waiting: readonly WaitingMessage[];
}

/** `undefined` where the engine keeps no list of workers. */
export async function readLiveWorkers(
  { workers }: Engine,
  stats: readonly QueueStats[],
): Promise<LiveWorkers | undefined> {
  if (!workers) return undefined;
  const queues = stats.filter(({ paused, states }) => !paused && states.queued > 0).map(({ queue }) => queue);
  if (queues.length === 0) return { workers: [], waiting: [] };
  const [list, waiting] = await Promise.all([workers.list(), workers.waiting(queues)]);
  return { workers: list, waiting };
}

/** The messages of a queue, or the whole queue, that wait and that no live worker handles. */
export function missingWorkers(
  { queue, states }: QueueStats,
  { workers, waiting }: LiveWorkers,
  { isOurs, criticalMinutes }: { readonly isOurs: boolean; readonly criticalMinutes: number },
): readonly HealthReason[] {
  const own = waiting.filter((message) => message.queue === queue);
  const statusAfter = (waited: number) => (waited >= criticalMinutes * MINUTE ? "critical" : "warning");
  const serving = workers.filter(({ queues }) => queues.includes(queue));
  if (own.length > 0 && serving.every(({ quiet }) => quiet)) {
    return [
      {
        status: statusAfter(Math.max(...own.map(({ waited }) => waited))),
        kind: "unserved",
        queue,
        ...describeUnserved(queue, states.queued, { isOurs, quiet: serving.length }),
      },
    ];
  }
  return own.flatMap((message) => {
    const coverage = coverageOf(message, workers);
    if (coverage.isHandled) return [];
    const { text, remedy } = describeMissing(message, coverage);
    return {
      status: statusAfter(message.waited),
      kind: "unhandled",
      queue,
      messageType: message.message,
      version: message.version,
      text: `Jobs of ${message.message} wait. ${text}`,
      remedy,
    };
  });
}

/** Of a queue in which jobs wait and that no live worker serves. */
function describeUnserved(
  queue: string,
  queued: number,
  { isOurs, quiet }: { readonly isOurs: boolean; readonly quiet: number },
): Pick<HealthReason, "text" | "remedy"> {
  const jobs = `${queued.toLocaleString("en")} ${queued === 1 ? "job" : "jobs"} of ${queue} ${queued === 1 ? "waits" : "wait"}`;
  const none = describeNone("this queue", quiet);
  const lower = `${none[0]!.toLowerCase()}${none.slice(1)}`;
  if (isOurs || quiet > 0) {
    return {
      text: `${jobs}, and ${lower}`,
      remedy: "Start a worker that serves this queue.",
    };
  }
  return {
    text: `${jobs}, no live worker serves this queue, and no message of this registry belongs to it.`,
    remedy: movedRemedy(queue),
  };
}

/** For a queue that no message of the registry belongs to. */
export function movedRemedy(queue: string): string {
  return `If a message moved, let a worker serve its old queue too: \`queues: [${JSON.stringify(queue)}, …]\`.`;
}
