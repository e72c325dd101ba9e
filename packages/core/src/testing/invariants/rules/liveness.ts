import { isTerminal } from "../../../engine/state-machine.ts";
import type { Snapshot } from "../history.ts";
import type { Rule } from "../rule.ts";

/** The jobs that a blocked job waits for. */
function waitsFor(id: string, { edges }: Snapshot): readonly string[] {
  const own = edges[id];
  if (!own) return [];
  const pending = own.dependencies.filter((edge) => edge.pending).map(({ job }) => job);
  return own.behind === undefined ? pending : [...pending, own.behind];
}

/** Every chain of blocked jobs ends at a job that isn't blocked. */
export const nothingWaitsForItself: Rule = {
  name: "no job waits for itself",
  check(entry, _facts, report) {
    if (entry.type !== "snapshot") return;
    const states = new Map(entry.jobs.map(({ id, state }) => [id, state]));
    const cleared = new Set<string>();
    for (const { id } of entry.jobs) {
      // Depth first, with a stack of iterators instead of recursion.
      const path = [id];
      const next = [waitsFor(id, entry).values()];
      while (path.length > 0) {
        const step = next.at(-1)!.next();
        if (step.done) {
          cleared.add(path.pop()!);
          next.pop();
        } else if (path.includes(step.value)) {
          report([...path.slice(path.indexOf(step.value)), step.value].join(" waits for "));
          return;
        } else if (states.get(step.value) === "blocked" && !cleared.has(step.value)) {
          path.push(step.value);
          next.push(waitsFor(step.value, entry).values());
        }
      }
    }
  },
};

/**
 * Once drained, every job is terminal, or waits directly or indirectly for a failed job that only an operator can
 * retry.
 */
export const everythingEnds: Rule = {
  name: "every job ends eventually",
  check(entry, _facts, report) {
    if (entry.type !== "snapshot" || !entry.isDrained) return;
    const states = new Map(entry.jobs.map(({ id, state }) => [id, state]));
    for (const { id, state } of entry.jobs) {
      if (isTerminal(state)) continue;
      if (state !== "blocked") report(`${id} is still ${state}`);
      for (const other of waitsFor(id, entry)) {
        const found = states.get(other);
        if (found === undefined) report(`${id} waits for ${other}, which isn't stored`);
        if (found === "completed") report(`${id} waits for ${other}, which is completed`);
      }
    }
  },
};
