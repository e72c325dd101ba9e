import * as z from "zod/mini";
import type { Message } from "../../contract/message.ts";
import { parseOptions } from "../../contract/options.ts";
import type { EngineInspect, JobEdges } from "../../engine/inspect.ts";
import type { DependencyFailurePolicy, JobKey } from "../../engine/job.ts";
import type { JobState } from "../../engine/state-machine.ts";
import { type JobReference, keyOf } from "../job-reference.ts";
import type { QueueContext } from "../queue-context.ts";
import { type JobSummarySnapshot, toSummarySnapshot } from "./job-summary.ts";
import { notFound } from "./not-found.ts";

/** What `graph` takes. */
export interface GraphOptions {
  /** How many edges away from the job, 0 to 100. @default 10 */
  readonly depth?: number | undefined;
  /** Max jobs, 1 to 1,000. @default 200 */
  readonly limit?: number | undefined;
}

/** A job, what it depends on and what depends on it, and so on. */
export interface JobGraph<M extends Message = Message> {
  /** The id of the job that was asked for. */
  readonly root: string;
  /** The nearest first. */
  readonly nodes: readonly GraphNode<M>[];
  /** All that are known between two of the nodes. */
  readonly edges: readonly GraphEdge[];
  /** Whether `depth` or `limit` has left out jobs that belong to the graph. */
  readonly truncated: boolean;
}

/** One job. */
export interface GraphNode<M extends Message = Message> {
  readonly id: string;
  /** Edges between it and the root. */
  readonly distance: number;
  /** `null` if the engine remembers nothing of the job. */
  readonly state: JobState | null;
  /** Absent of a job that is no longer stored: its own dependencies and dependents aren't known either. */
  readonly job?: JobSummarySnapshot<M>;
  /** How many it has, be they in the graph or not. */
  readonly dependencies: number;
  /** As with `dependencies`. Of those that have ended, those count that retention kept. */
  readonly dependents: number;
}

/** One dependency: `to` runs after `from`. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly onFailure: DependencyFailurePolicy;
  /** Whether `to` still waits because of it. */
  readonly pending: boolean;
  /** Whether `from` has ended, and one of the engine's next steps decides what that means for `to`. */
  readonly undecided: boolean;
}

const optionsSchema = z.strictObject({
  depth: z._default(z.int().check(z.minimum(0), z.maximum(100)), 10),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(1_000)), 200),
});

/** @throws {QueueError} `JOB_NOT_FOUND`. */
export async function readGraph(
  context: QueueContext,
  reference: JobReference,
  options: GraphOptions = {},
): Promise<JobGraph> {
  const inspect = context.facet("inspect");
  const key = keyOf(reference);
  const { depth, limit } = parseOptions("graph", optionsSchema, options);
  const walk = new Walk(inspect, key, limit);
  for (let distance = 0; walk.hasNext && distance <= depth; distance++) await walk.readNext(distance);
  return walk.graph();
}

/** Breadth first, in both directions. All jobs of one distance are read at once. */
class Walk {
  readonly #inspect: EngineInspect;
  readonly #root: string;
  readonly #limit: number;
  /** Of the next distance, with their state as an edge has it. */
  #next: Map<string, JobState | null>;
  readonly #keys: readonly JobKey[];
  readonly #nodes = new Map<string, GraphNode>();
  readonly #edges: GraphEdge[] = [];
  #isCut = false;

  constructor(inspect: EngineInspect, root: JobKey, limit: number) {
    this.#inspect = inspect;
    this.#root = root.id;
    this.#limit = limit;
    this.#keys = [root];
    this.#next = new Map([[root.id, null]]);
  }

  get hasNext(): boolean {
    return this.#next.size > 0;
  }

  async readNext(distance: number): Promise<void> {
    const level = [...this.#next];
    const keys = distance === 0 ? this.#keys : level.map(([id]) => ({ id }));
    // One more than there is room for tells that there are more.
    const room = this.#limit - this.#nodes.size - level.length + 1;
    const [summaries, edges] = await Promise.all([
      this.#inspect.getSummaries(keys),
      this.#inspect.edges(keys, { limit: room }),
    ]);
    if (distance === 0 && !summaries[0]) level[0]![1] = await this.#rememberedState();
    this.#next = new Map();
    level.forEach(([id, known], index) => {
      const summary = summaries[index];
      this.#nodes.set(id, {
        id,
        distance,
        state: summary?.state ?? known,
        ...(summary && { job: toSummarySnapshot(summary) }),
        dependencies: edges[index]?.dependencies.length ?? 0,
        dependents: edges[index]?.dependentCount ?? 0,
      });
    });
    level.forEach(([id], index) => {
      if (edges[index]) this.#follow(id, edges[index], room);
    });
  }

  graph(): JobGraph {
    const edges = this.#edges.filter(({ from }) => this.#nodes.has(from));
    const truncated = this.#isCut || this.hasNext;
    return { root: this.#root, nodes: [...this.#nodes.values()], edges, truncated };
  }

  #follow(id: string, { dependencies, dependents, dependentCount }: JobEdges, limit: number): void {
    for (const { job, state, onFailure, pending, undecided = false } of dependencies) {
      this.#edges.push({ from: job, to: id, onFailure, pending, undecided });
      this.#add(job, state);
    }
    for (const { job, state } of dependents) this.#add(job, state);
    // The engine has named as many as it was to, and some of them may be known.
    if (dependents.length === limit && dependentCount > limit) this.#isCut = true;
  }

  #add(id: string, state: JobState | null): void {
    if (this.#nodes.has(id) || this.#next.has(id)) return;
    if (this.#nodes.size + this.#next.size < this.#limit) this.#next.set(id, state);
    else this.#isCut = true;
  }

  async #rememberedState(): Promise<JobState> {
    const [ending] = await this.#inspect.remembered(this.#keys);
    if (!ending) throw notFound(this.#root);
    return ending.state;
  }
}
