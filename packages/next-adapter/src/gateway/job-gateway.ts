import { type JobFilterOptions, type JobSnapshot, type Queue, QueueError } from "@org/queue";
import type { AccessControl, Permit } from "../access/access-control.ts";
import type { JobListFilter } from "../access/authorize.ts";
import { type ShownPart, toPublicJob, toSubject } from "../jobs/public-job.ts";
import type { PublicJob } from "../protocol/public-job.ts";

/** Ids that one call may name. */
const MAX_IDS = 1_000;

interface Parts {
  readonly queue: Queue;
  readonly access: AccessControl;
  readonly show: ReadonlySet<ShownPart>;
}

/** A page of jobs as clients see them. */
export interface PublicJobPage {
  readonly jobs: readonly PublicJob[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

/** Reads and operations on jobs that clients ask for, each authorised. A foreign job is answered like an unknown one. */
export class JobGateway {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** In the order of `ids`; `null` where there is no job, or none for this client. */
  async read(ids: readonly string[], request?: Request): Promise<readonly (PublicJob | null)[]> {
    const readable = await this.#readable(ids, request);
    return readable.map((job) => job && toPublicJob(job, this.#parts.show));
  }

  /** Those that the client may see: its user's own, unless `authorize` allows all. */
  async list(
    filter: JobListFilter,
    page: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
    request?: Request,
  ): Promise<PublicJobPage> {
    const permit = await this.#parts.access.permit({
      action: "list-jobs",
      filter,
      ...(request && { request }),
    });
    const wanted = narrow(filter, permit);
    if (wanted === undefined) return { jobs: [] };
    const { jobs, cursor } = await this.#parts.queue.list({ ...wanted, ...page });
    const shown = jobs.filter((job) => permit.allowsJob(toSubject(job)));
    return {
      jobs: shown.map((job) => toPublicJob(job, this.#parts.show)),
      ...(cursor !== undefined && { cursor }),
    };
  }

  /** @throws {Refusal}; {QueueError} as `queue.cancel`. */
  async cancel(id: string, request?: Request): Promise<"cancelled" | "cancelling"> {
    await this.#assertMay("cancel-job", id, request);
    return this.#parts.queue.cancel(id);
  }

  /** @throws {Refusal}; {QueueError} as `queue.retry`. */
  async retry(id: string, request?: Request): Promise<void> {
    await this.#assertMay("retry-job", id, request);
    await this.#parts.queue.retry(id);
  }

  /**
   * Refuses stored jobs that the client may not read. Jobs that are gone have no owner any more: the engine decides.
   *
   * @throws {QueueError} `DEPENDENCY_NOT_FOUND`.
   */
  async assertReadable(ids: readonly string[], request?: Request): Promise<void> {
    if (ids.length === 0) return;
    const { queue } = this.#parts;
    const stored = (await queue.getMany(ids)).filter((job) => job !== null);
    const permit = await this.#permitRead(stored, request);
    const foreign = stored.find((job) => !permit.allowsJob(toSubject(job)));
    if (foreign) throw new QueueError("DEPENDENCY_NOT_FOUND", "A dependency belongs to another user.");
  }

  async #readable(
    ids: readonly string[],
    request: Request | undefined,
  ): Promise<readonly (JobSnapshot | null)[]> {
    if (ids.length > MAX_IDS) {
      throw new QueueError("INVALID_OPTIONS", `At most ${MAX_IDS.toLocaleString("en")} ids a call.`);
    }
    const jobs = await this.#parts.queue.getMany(ids);
    const permit = await this.#permitRead(
      jobs.filter((job) => job !== null),
      request,
    );
    return jobs.map((job) => (job && permit.allowsJob(toSubject(job)) ? job : null));
  }

  #permitRead(jobs: readonly JobSnapshot[], request: Request | undefined): Promise<Permit> {
    return this.#parts.access.permit({
      action: "read-jobs",
      jobs: jobs.map(toSubject),
      ...(request && { request }),
    });
  }

  async #assertMay(
    action: "cancel-job" | "retry-job",
    id: string,
    request: Request | undefined,
  ): Promise<void> {
    const { queue, access } = this.#parts;
    const job = await queue.get(id);
    const permit = job
      ? await access.permit({ action, job: toSubject(job), ...(request && { request }) })
      : await this.#permitRead([], request);
    if (!job || !permit.allowsJob(toSubject(job)))
      throw new QueueError("JOB_NOT_FOUND", `The job ${id} isn't stored.`);
  }
}

/** `undefined`: nothing at all may be listed. */
function narrow(
  { userId, orderingKey, message, states }: JobListFilter,
  permit: Permit,
): JobFilterOptions | undefined {
  const filter = {
    ...(orderingKey !== undefined && { orderingKey }),
    ...(message !== undefined && { message }),
    ...(states !== undefined && { state: states }),
  };
  if (permit.allowsAll) return { ...filter, ...(userId !== undefined && { userId }) };
  if (permit.userId === undefined || (userId ?? permit.userId) !== permit.userId) return undefined;
  return { ...filter, userId: permit.userId };
}
