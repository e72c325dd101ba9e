import { createWorker, type Handler, type Queue, type Worker } from "@org/queue";
import { type ConfigSource, checkHandlers, handledNames, openDefinitions } from "../config/open-config.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import type { WorkerLogs } from "../logs/logs.ts";

/** The workers of a process, and what they are, for a line about them. */
export interface OpenedWorkers {
  readonly workers: readonly Worker[];
  readonly messages: readonly string[];
  /** Of all together. */
  readonly concurrency: number;
}

/** Of core's workers. */
const DEFAULT_CONCURRENCY = 10;

/**
 * Creates the workers of a config. None is started. `concurrency` is instead of their own.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG`.
 */
export async function openWorkers(
  source: ConfigSource,
  queue: Queue,
  logs: WorkerLogs,
  concurrency: number | undefined,
): Promise<OpenedWorkers> {
  const definitions = await openDefinitions(source);
  const messages = handledNames(definitions);
  if (messages.length === 0) {
    throw new CommandError(
      `${source.path} has no handlers, so a worker has nothing to do. Add \`handlers: { MESSAGE_NAME: async ({ data }) => … }\`.`,
      EXIT_CODES.CONFIG,
    );
  }
  checkHandlers(source.path, queue, definitions);
  const workers = definitions.map(({ handlers, ...options }) => {
    const own = concurrency === undefined ? options : { ...options, concurrency };
    const worker: Worker = createWorker(queue, { ...own, logger: logs.coreLogger });
    for (const [name, handler] of Object.entries(handlers) as [string, Handler | undefined][]) {
      if (handler) worker.handle(queue.registry.get(name)!, handler);
    }
    return worker;
  });
  const slots = definitions.map((definition) => concurrency ?? definition.concurrency ?? DEFAULT_CONCURRENCY);
  return { workers, messages, concurrency: slots.reduce((a, b) => a + b, 0) };
}
