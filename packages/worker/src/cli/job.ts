import type { JobExplanation, Queue } from "@org/queue";
import { printText } from "./output/sections.ts";
import { paintState } from "./output/states.ts";
import { explanationWithCommands } from "./remedies.ts";
import type { Terminal } from "./terminal.ts";

/** Jobs of a graph that a page can show. */
const MAX_GRAPH = 100;

/**
 * What the page of a job shows. Without a job its retention is over, and the explanation has how it ended.
 *
 * @throws {QueueError} `JOB_NOT_FOUND`.
 */
export async function readJob(queue: Queue, id: string, depth?: number) {
  const [job, explained] = await Promise.all([queue.get(id), queue.explain(id)]);
  const explanation = explanationWithCommands(explained);
  const graph = job && (await queue.graph(id, { limit: MAX_GRAPH, ...(depth !== undefined && { depth }) }));
  return { job, explanation, graph };
}

/** Of a job that is no longer stored. */
export function printGone(terminal: Terminal, { id, state, reasons }: JobExplanation): void {
  terminal.print(`${id}  ${paintState(terminal.colors, state)}  ${terminal.colors.dim("no longer stored")}`);
  for (const { text } of reasons) printText(terminal, text);
}
