import { isQueueError, type Queue } from "@org/queue";
import { closest } from "../closest.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { checkConfig } from "./check-config.ts";
import type { DatabaseDefinition, Opened, QueueConfig, WorkerDefinition } from "./config.ts";
import { isQueue } from "./config-schema.ts";
import { describeFailure } from "./describe-failure.ts";
import { opening } from "./opening.ts";
import { describeValue } from "./values.ts";

/** A checked config, and what errors call it. */
export interface ConfigSource {
  readonly config: QueueConfig;
  readonly path: string;
}

/**
 * The config's queue, or what its function opens.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG` when the function fails or returns something else. Errors that a
 * repeat may mend are thrown as they are.
 */
export async function openQueue({ config, path }: ConfigSource): Promise<Queue> {
  const queue = await open("queue", config.queue, path);
  if (isQueue(queue)) return queue;
  throw new CommandError(
    `${path}: the function of queue returns ${describeValue(queue)}: expected a queue (createQueue).`,
    EXIT_CODES.CONFIG,
  );
}

/**
 * The workers of the config: what its functions return is checked like the rest. Empty when it handles nothing.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG`.
 */
export async function openDefinitions({ config, path }: ConfigSource): Promise<readonly WorkerDefinition[]> {
  const { handlers, worker, workers, ...rest } = config;
  const opened = {
    handlers: await open("handlers", handlers, path),
    workers: await open("workers", workers, path),
  };
  for (const [key, value] of Object.entries(opened)) {
    if (value !== undefined || config[key as keyof QueueConfig] === undefined) continue;
    throw new CommandError(`${path}: the function of ${key} returns nothing.`, EXIT_CODES.CONFIG);
  }
  checkConfig({ ...rest, worker, ...opened }, path);
  return opened.workers ?? (opened.handlers ? [{ ...worker, handlers: opened.handlers }] : []);
}

/**
 * The config's database, checked; `undefined` if it names none.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG`.
 */
export async function openDatabase({ config, path }: ConfigSource): Promise<DatabaseDefinition | undefined> {
  if (config.database === undefined) return undefined;
  const database = await open("database", config.database, path);
  if (database === undefined) {
    throw new CommandError(`${path}: the function of database returns nothing.`, EXIT_CODES.CONFIG);
  }
  return checkConfig({ ...config, database }, path).database as DatabaseDefinition;
}

/**
 * Refuses handlers of messages that the registry doesn't have.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG`.
 */
export function checkHandlers(
  path: string,
  { registry }: Pick<Queue, "registry">,
  definitions: readonly WorkerDefinition[],
): void {
  const known = registry.messages.map(({ name }) => name);
  const unknown = handledNames(definitions).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const lines = unknown.map((name) => {
    const close = closest(name, known);
    const hint = close ? `Did you mean ${close}?` : `Its messages: ${known.join(", ")}.`;
    return `${path}: handlers.${name} is for no message of the registry. ${hint}`;
  });
  throw new CommandError(lines.join("\n"), EXIT_CODES.CONFIG);
}

/** The messages that have a handler, each once. */
export function handledNames(definitions: readonly WorkerDefinition[]): readonly string[] {
  const names = definitions.flatMap(({ handlers }) =>
    Object.entries(handlers).flatMap(([name, handler]) => (handler ? [name] : [])),
  );
  return [...new Set(names)];
}

async function open<T>(key: string, given: Opened<T>, path: string): Promise<T> {
  if (typeof given !== "function") return given;
  try {
    return await opening(`${path}: the function of ${key}`, given as () => T | Promise<T>);
  } catch (error) {
    if (error instanceof CommandError || (isQueueError(error) && error.retryable)) throw error;
    throw new CommandError(describeFailure(error, path), EXIT_CODES.CONFIG, { cause: error });
  }
}
