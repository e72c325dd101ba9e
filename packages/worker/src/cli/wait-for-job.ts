import { isQueueError, type JobEvent, type JobSnapshot, type Queue, toWire } from "@org/queue";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { CommandContext } from "./context.ts";
import { paintState } from "./output/states.ts";
import { cutEnd, jsonText, oneLine } from "./output/text.ts";
import type { Terminal } from "./terminal.ts";

export interface WaitForJobOptions {
  readonly context: Pick<CommandContext, "terminal" | "signal">;
  /** In milliseconds. @default no limit */
  readonly timeout: number | undefined;
  readonly json: boolean | undefined;
}

/** Waits until a job has ended and prints its result. Resolves with the exit code that says how it ended. */
export async function waitForJob(
  queue: Queue,
  id: string,
  { context, timeout, json }: WaitForJobOptions,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const watch = await watchJob(queue, id, terminal);
  let error: unknown;
  try {
    await queue.wait(id, { signal, ...(timeout !== undefined && { timeout }) });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    error = thrown;
  } finally {
    await watch.stop();
  }
  const exitCode = exitCodeOf(error);
  if (exitCode === undefined) throw error;
  return finish(terminal, { id, exitCode, error, ending: watch.ending, job: await queue.get(id), json });
}

/** `undefined` of an error that isn't an outcome of the job. */
function exitCodeOf(error: unknown): ExitCode | undefined {
  if (error === undefined || isQueueError(error, "RESULT_NOT_KEPT")) return EXIT_CODES.OK;
  if (isQueueError(error, "JOB_FAILED")) return EXIT_CODES.FAILED;
  if (isQueueError(error, "JOB_CANCELLED")) return EXIT_CODES.CANCELLED;
  return isQueueError(error, "WAIT_TIMEOUT") ? EXIT_CODES.WAIT_TIMEOUT : undefined;
}

interface Outcome {
  readonly id: string;
  readonly exitCode: ExitCode;
  readonly error: unknown;
  /** The event of its end, for a job that its retention removes at once. */
  readonly ending: JobEvent | undefined;
  readonly job: JobSnapshot | null;
  readonly json: boolean | undefined;
}

function finish(terminal: Terminal, { id, exitCode, error, ending, job, json }: Outcome): ExitCode {
  const report = job ? toWire(job) : ending && toWire(ending);
  const state = job?.state ?? ending?.type ?? STATES[exitCode];
  const { result, error: jobError } = report ?? {};
  const text = error instanceof Error ? error.message : undefined;
  if (json) {
    terminal.printJson({
      id,
      state,
      ...(result !== undefined && { result }),
      ...(exitCode !== EXIT_CODES.OK && { error: jobError ?? { message: text } }),
    });
    return exitCode;
  }
  if (result !== undefined && exitCode === EXIT_CODES.OK) terminal.printJson(result);
  if (text !== undefined) terminal.inform(oneLine(text));
  return exitCode;
}

const STATES: Readonly<Record<number, string>> = {
  [EXIT_CODES.OK]: "completed",
  [EXIT_CODES.FAILED]: "failed",
  [EXIT_CODES.CANCELLED]: "cancelled",
};

/** Tells each change of a job, until it is stopped. A user with read access only may wait, but not subscribe. */
async function watchJob(queue: Queue, id: string, terminal: Terminal) {
  let ending: JobEvent | undefined;
  const onEvent = (event: JobEvent) => {
    const { type } = event;
    if (type === "completed" || type === "failed" || type === "cancelled") ending = event;
    const { errorColors } = terminal;
    if (type !== "progress") terminal.inform(`${oneLine(id)}  ${paintState(errorColors, type)}`);
    else
      terminal.inform(`${oneLine(id)}  progress ${cutEnd(oneLine(jsonText(toWire(event).progress)), 200)}`);
  };
  const stop = await queue.subscribe(onEvent, { jobs: [id], detail: true }).catch((error: unknown) => {
    if (!isQueueError(error, "ENGINE_MISCONFIGURED")) throw error;
    terminal.inform("This user may not subscribe to events: the job is looked up every few seconds.");
  });
  return {
    stop: async () => stop?.(),
    get ending() {
      return ending;
    },
  };
}
