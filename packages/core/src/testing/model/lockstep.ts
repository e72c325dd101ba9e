import { isDeepStrictEqual } from "node:util";
import type { JobEdges } from "../../engine/inspect.ts";
import type { Command } from "./command.ts";
import type { EngineSession } from "./engine-session.ts";
import { comparableReply } from "./observation.ts";

/** Where two engines first differed. */
export interface Difference {
  /** Index of the command after which they differed. */
  readonly at: number;
  readonly command: Command;
  /** What differed: the replies to the command, or the stored state after it. */
  readonly in: "reply" | "state";
  readonly reference: unknown;
  readonly subject: unknown;
}

/**
 * Executes the same commands on two engines, step by step, and returns the first difference in replies or stored state.
 * Timestamps and tokens aren't compared.
 */
export async function firstDifference(
  commands: readonly Command[],
  reference: EngineSession,
  subject: EngineSession,
): Promise<Difference | undefined> {
  for (const [at, command] of commands.entries()) {
    const replies = await bothOf(reference, subject, (session) => session.execute(command));
    if (!isDeepStrictEqual(replies.reference, replies.subject))
      return { at, command, in: "reply", ...replies };
    const states = await bothOf(reference, subject, async (session) => {
      const [{ jobs, counts, edges }, remembered, groups, workers, events] = await Promise.all([
        session.snapshot(),
        session.remembered(),
        session.failureGroups(),
        session.workers(),
        session.events(),
      ]);
      return {
        jobs,
        // Engines may look at different jobs for the oldest one.
        counts: counts
          .map(({ oldestWaiting: _, ...rest }) => rest)
          .toSorted((a, b) => (a.queue < b.queue ? -1 : 1)),
        edges: inOrder(edges),
        remembered,
        groups,
        workers,
        events,
      };
    });
    if (!isDeepStrictEqual(states.reference, states.subject)) return { at, command, in: "state", ...states };
  }
  return undefined;
}

async function bothOf(
  reference: EngineSession,
  subject: EngineSession,
  ask: (session: EngineSession) => Promise<unknown>,
) {
  return {
    reference: comparableReply(await ask(reference)),
    subject: comparableReply(await ask(subject)),
  };
}

/** The order of dependents that don't wait is each engine's own. */
function inOrder(edges: Readonly<Record<string, JobEdges>>): Readonly<Record<string, JobEdges>> {
  const sorted = Object.entries(edges).map(([id, each]) => {
    const waiting = each.dependents.filter(({ pending }) => pending);
    const rest = each.dependents.filter(({ pending }) => !pending);
    const dependents = [...waiting, ...rest.sort((a, b) => (a.job < b.job ? -1 : 1))];
    return [id, { ...each, dependents }] as const;
  });
  return Object.fromEntries(sorted);
}
