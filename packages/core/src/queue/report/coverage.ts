import type { Registry } from "../../contract/registry.ts";
import type { EngineWorkers, WorkerInfo } from "../../engine/workers.ts";

/** A version of a message, in the queue where its jobs wait. */
export interface MessageInQueue {
  readonly queue: string;
  readonly message: string;
  readonly version: number;
}

/** Which of the live workers can run a version of a message. */
export interface Coverage {
  /** How many serve its queue, and claim. */
  readonly serving: number;
  /** How many serve its queue, but are quiet. */
  readonly quiet: number;
  /** The newest version that any of these handles. Absent when none handles the message. */
  readonly handledUpTo?: number;
  readonly isHandled: boolean;
}

export function coverageOf(
  { queue, message, version }: MessageInQueue,
  workers: readonly WorkerInfo[],
): Coverage {
  const all = workers.filter(({ queues }) => queues.includes(queue));
  const serving = all.filter(({ quiet }) => !quiet);
  const versions = serving.flatMap(({ handles }) =>
    handles.flatMap((handled) => (handled.message === message ? handled.version : [])),
  );
  const handledUpTo = versions.length > 0 ? Math.max(...versions) : undefined;
  return {
    serving: serving.length,
    quiet: all.length - serving.length,
    ...(handledUpTo !== undefined && { handledUpTo }),
    isHandled: (handledUpTo ?? 0) >= version,
  };
}

/** What is missing, and what to do, in a sentence each. */
export function describeMissing(
  { queue, message, version }: MessageInQueue,
  { serving, quiet, handledUpTo }: Coverage,
): { readonly text: string; readonly remedy: string } {
  if (handledUpTo !== undefined) {
    return {
      text: `The live workers of the queue ${queue} handle ${message} up to version ${handledUpTo}, and this is version ${version}.`,
      remedy: `Deploy workers that handle version ${version}.`,
    };
  }
  if (serving === 0) {
    return {
      text: describeNone(`the queue ${queue}`, quiet),
      remedy: `Start a worker that handles ${message}.`,
    };
  }
  const who = serving === 1 ? "The live worker" : `None of the ${serving} live workers`;
  return {
    text: `${who} of the queue ${queue} ${serving === 1 ? "doesn't handle" : "handles"} ${message}.`,
    remedy: `Add a handler for ${message}, or start a worker that has one.`,
  };
}

/** Of a queue without a worker that claims. */
export function describeNone(queue: string, quiet: number): string {
  if (quiet === 0) return `No live worker serves ${queue}.`;
  return quiet === 1
    ? `The only live worker of ${queue} is quiet: it claims nothing more.`
    : `The ${quiet} live workers of ${queue} are quiet: they claim nothing more.`;
}

/** Whether live workers handle a message of the registry, in the version that this process sends. */
export interface MessageCoverage extends MessageInQueue {
  readonly isHandled: boolean;
  /** The newest version that any live worker of its queue handles. Absent when none handles the message. */
  readonly handledUpTo?: number;
  /** What is missing, and what to do. Absent when it is handled. */
  readonly text?: string;
  readonly remedy?: string;
}

export async function readCoverage(
  registry: Registry,
  workers: EngineWorkers,
): Promise<readonly MessageCoverage[]> {
  const live = await workers.list();
  return registry.messages.map(({ name, version, queue }) => {
    const message = { queue, message: name, version };
    const coverage = coverageOf(message, live);
    const { isHandled, handledUpTo } = coverage;
    return {
      ...message,
      isHandled,
      ...(handledUpTo !== undefined && { handledUpTo }),
      ...(!isHandled && describeMissing(message, coverage)),
    };
  });
}
