import type { DependencyEdge, DependentEdge, JobEdges } from "../../engine/inspect.ts";
import type { JobState } from "../../engine/state-machine.ts";
import { policyOf } from "./job-value.ts";

type FlatEdges = readonly (string | number)[];

/** What `lua/edges.lua` answers of one job. */
export type EdgesReply = readonly [
  dependencies: FlatEdges,
  dependents: FlatEdges,
  dependentCount: number,
  behind: string,
];

const FIELDS = 4;

export function edgesOf(reply: EdgesReply | null): JobEdges | null {
  if (reply === null) return null;
  const [dependencies, dependents, dependentCount, behind] = reply;
  return {
    dependencies: readEdges(dependencies),
    // Dependents are stored, so they have a state.
    dependents: readEdges(dependents) as readonly DependentEdge[],
    dependentCount,
    ...(behind !== "" && { behind }),
  };
}

function readEdges(flat: FlatEdges): readonly DependencyEdge[] {
  const edges: DependencyEdge[] = [];
  for (let index = 0; index < flat.length; index += FIELDS) {
    const [job, policy, state, status] = flat.slice(index, index + FIELDS);
    edges.push({
      job: String(job),
      onFailure: policyOf(String(policy)),
      state: state === "" ? null : (state as JobState),
      pending: status !== 0,
      ...(status === 2 && { undecided: true as const }),
    });
  }
  return edges;
}
