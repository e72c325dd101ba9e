import { createWorker, type Handler, type Message, type Queue, type Worker } from "@org/queue";
import { closest } from "../cli/parse.ts";
import type { PartialHandlers } from "../config/config.ts";
import { type ConfigSource, openDefinitions } from "../config/open-config.ts";
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
  if (!definitions.some(({ handlers }) => Object.values(handlers).some(Boolean))) {
    throw new CommandError(
      `${source.path} has no handlers, so a worker has nothing to do. Add \`handlers: { MESSAGE_NAME: async ({ data }) => … }\`.`,
      EXIT_CODES.CONFIG,
    );
  }
  const workers = definitions.map(({ handlers, ...options }) => {
    const own = concurrency === undefined ? options : { ...options, concurrency };
    const worker: Worker = createWorker(queue, { ...own, logger: logs.coreLogger });
    for (const [message, handler] of handled(source.path, queue, handlers)) worker.handle(message, handler);
    return worker;
  });
  const messages = definitions.flatMap(({ handlers }) => Object.keys(handlers));
  const slots = definitions.map((definition) => concurrency ?? definition.concurrency ?? DEFAULT_CONCURRENCY);
  return { workers, messages: [...new Set(messages)], concurrency: slots.reduce((a, b) => a + b, 0) };
}

function handled(path: string, queue: Queue, handlers: PartialHandlers): (readonly [Message, Handler])[] {
  return Object.entries(handlers).flatMap(([name, handler]) => {
    if (!handler) return [];
    const message = queue.registry.get(name);
    if (message) return [[message, handler] as const];
    const names = queue.registry.messages.map((each) => each.name);
    const close = closest(name, names);
    const hint = close ? `Did you mean ${close}?` : `Its messages: ${names.join(", ")}.`;
    throw new CommandError(
      `${path}: handlers.${name} is for no message of the registry. ${hint}`,
      EXIT_CODES.CONFIG,
    );
  });
}
