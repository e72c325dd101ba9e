import { MAX_DEPENDENTS } from "../../engine/engine-limits.ts";
import type { FailureGroupPage, FailureGroupsRequest } from "../../engine/failure-groups.ts";
import type {
  DependencyEdge,
  EdgesOptions,
  EngineInspect,
  JobCount,
  JobEdges,
  JobPage,
  ListedJobs,
  ListFields,
  ListRequest,
} from "../../engine/inspect.ts";
import type { JobKey, JobRecord, JobSummary, RememberedEnding } from "../../engine/job.ts";
import type { JobFilter } from "../../engine/job-filter.ts";
import { readListCursor } from "../../engine/list-cursor.ts";
import { isTerminal } from "../../engine/state-machine.ts";
import type { MemoryStore } from "../memory-store.ts";
import type { StoredJob } from "../stored-job.ts";

/** The facet `inspect` of the memory engine. */
export class MemoryInspect implements EngineInspect {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async get(jobs: readonly JobKey[]): Promise<readonly (JobRecord | null)[]> {
    this.#store.assertOpen();
    return jobs.map(({ id }) => this.#store.table.get(id)?.toRecord() ?? null);
  }

  async getSummaries(jobs: readonly JobKey[]): Promise<readonly (JobSummary | null)[]> {
    this.#store.assertOpen();
    return jobs.map(({ id }) => this.#store.table.get(id)?.toSummary() ?? null);
  }

  async remembered(jobs: readonly JobKey[]): Promise<readonly (RememberedEnding | null)[]> {
    this.#store.assertOpen();
    return jobs.map(({ id }) => this.#store.table.remembered(id) ?? null);
  }

  /** Looks at all jobs: the embedded engine has no index. */
  async list<F extends ListFields>(request: ListRequest<F>): Promise<JobPage<ListedJobs[F]>> {
    this.#store.assertOpen();
    const { filter = {}, fields, limit, cursor } = request;
    const before = cursor === undefined ? undefined : readListCursor(cursor);
    const jobs: ListedJobs[F][] = [];
    let last = 0;
    for (const job of this.#selected(filter, before)) {
      if (jobs.length === limit) return { jobs, cursor: String(last), complete: true };
      jobs.push((fields === "full" ? job.toRecord() : job.toSummary()) as ListedJobs[F]);
      last = job.sequence;
    }
    return { jobs, complete: true };
  }

  async count(filter: JobFilter): Promise<JobCount> {
    this.#store.assertOpen();
    let count = 0;
    for (const _ of this.#selected(filter)) count++;
    return { count, isExact: true };
  }

  *#selected(filter: JobFilter, before?: number): Generator<StoredJob> {
    for (const job of this.#store.table.newestFirst(filter, before)) {
      if (filter.failureGroup === undefined || this.#store.groups.has(filter.failureGroup, job)) yield job;
    }
  }

  async edges(
    jobs: readonly JobKey[],
    { limit = MAX_DEPENDENTS }: EdgesOptions = {},
  ): Promise<readonly (JobEdges | null)[]> {
    this.#store.assertOpen();
    return jobs.map(({ id }) => {
      const job = this.#store.table.get(id);
      return job ? this.#edgesOf(job, limit) : null;
    });
  }

  #edgesOf(job: StoredJob, limit: number): JobEdges {
    const { dependents, readers, endedDependents } = job;
    const waiting = [...(dependents?.keys() ?? [])];
    const reading = [...(readers ?? [])].filter((reader) => !dependents?.has(reader));
    const ended = (endedDependents?.ids ?? [])
      .flatMap((id) => this.#store.table.get(id) ?? [])
      .filter((other) => isTerminal(other.state!) && other.dependsOn.some((edge) => edge.job === job.id));
    const head = job.state === "blocked" ? job.line?.head : undefined;
    return {
      dependencies: job.dependsOn.map((dependency) => ({
        ...dependency,
        state: this.#store.lifecycle.stateOf(dependency.job) ?? null,
        ...this.#statusOf(dependency.job, job),
      })),
      dependents: [...waiting, ...reading, ...ended.reverse()].slice(0, limit).map((dependent) => ({
        job: dependent.id,
        onFailure: dependent.policyTowards(job.id),
        state: dependent.state!,
        ...this.#statusOf(job.id, dependent),
      })),
      dependentCount: (readers?.size ?? 0) + (endedDependents?.count ?? 0),
      ...(head && head !== job && { behind: head.id }),
    };
  }

  #statusOf(dependency: string, dependent: StoredJob): Pick<DependencyEdge, "pending" | "undecided"> {
    const cascade = this.#store.lifecycle.cascades.get(dependency);
    return {
      pending: dependent.pending?.has(dependency) ?? false,
      ...(cascade?.leaves(dependent) && { undecided: true as const }),
    };
  }

  async failureGroups(request: FailureGroupsRequest): Promise<FailureGroupPage> {
    this.#store.assertOpen();
    return this.#store.groups.page(request, this.#store.clock.now());
  }
}
