import type { Queue } from "@org/queue";
import type { Permit } from "../access/access-control.ts";
import type { JobListFilter } from "../access/authorize.ts";
import { Refusal } from "../access/refusal.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { toSubject } from "../jobs/public-job.ts";
import type { Interest, ReadRequest, StatusListInterest } from "../protocol/interests.ts";
import type { WireError } from "../protocol/refusals.ts";
import type { Followed } from "./follower.ts";
import type { JobTopic } from "./job-topics.ts";
import type { LiveHub } from "./live-hub.ts";
import { versionOf } from "./topic.ts";

/** What a client may follow of what it asked for. */
export interface PermittedInterests {
  /** Opaque, the same for all requests of one user. */
  readonly viewer: string;
  readonly followed: readonly Followed[];
  /** Interests that were refused, by their index. */
  readonly refused: readonly { readonly at: number; readonly error: WireError }[];
}

interface Parts {
  readonly gateway: Gateway;
  readonly queue: Queue;
  readonly hub: LiveHub;
  readonly request: Request;
}

type Permitted = Pick<Followed, "open" | "allows">;

const NEVER = () => false;

/**
 * Asks `authorize` about everything that a client wants to follow: once for all its jobs, and once for each other thing.
 *
 * @throws {Refusal} when nobody is signed in, or all jobs are refused.
 */
export async function permitInterests(
  { interests, known }: ReadRequest,
  { gateway, queue, hub, request }: Parts,
): Promise<PermittedInterests> {
  const ids = interests.flatMap((interest) => (interest.kind === "job" ? [interest.id] : []));
  const jobs = (ids.length > 0 ? await queue.getMany(ids) : []).filter((job) => job !== null);
  const subjects = jobs.map(toSubject);
  // Also tells who it is, when no job is asked for.
  const ofJobs = await gateway.access.permit({ action: "read-jobs", jobs: subjects, request });
  const judged = new Set(subjects.map(({ id }) => id));
  // A grant for all was for the jobs that were there: one that comes later must be the user's own, until it's asked again.
  const allowsJob = ({ subject }: JobTopic) =>
    subject !== undefined &&
    (ofJobs.allowsAll && !judged.has(subject.id)
      ? subject.userId === ofJobs.userId
      : ofJobs.allowsJob(subject));

  const permit = async (interest: Interest): Promise<Permitted> => {
    switch (interest.kind) {
      case "job":
        return { open: () => hub.jobs.open(interest.id), allows: allowsJob };
      case "jobs": {
        const { filter, limit } = toFilter(interest, ofJobs);
        const ofList = await gateway.access.permit({ action: "list-jobs", filter, request });
        const narrowed = ofList.allowsAll ? filter : ownFilter(filter, ofList);
        return {
          open: () => hub.lists.open(narrowed, limit),
          allows: ({ subject }) => subject !== undefined && ofList.allowsJob(subject),
        };
      }
      case "status": {
        const { table, key } = interest;
        await gateway.statuses.permitRead(table, key, request);
        return { open: () => hub.statuses(table).open(key), allows: NEVER };
      }
      case "statuses": {
        await permitStatuses(interest, gateway, request);
        const { table, where = {}, limit = 50 } = interest;
        return { open: () => hub.statuses(table).openList(where, limit), allows: NEVER };
      }
      case "stats":
      case "health": {
        const action = interest.kind === "stats" ? "read-stats" : "read-health";
        await gateway.access.require({ action, request });
        return { open: () => hub[interest.kind], allows: NEVER };
      }
    }
  };

  const followed: Followed[] = [];
  const refused: { readonly at: number; readonly error: WireError }[] = [];
  await Promise.all(
    interests.map(async (interest, at) => {
      try {
        const permitted = await permit(interest);
        followed.push({ at, ...permitted, known: known[at] ?? null });
      } catch (error) {
        refused.push({ at, error: gateway.report(error, `Following ${interest.kind}`).error });
      }
    }),
  );
  return { viewer: versionOf(JSON.stringify([ofJobs.userId ?? null])), followed, refused };
}

function toFilter(
  { user, orderingKey, message, states, limit = 20 }: Extract<Interest, { readonly kind: "jobs" }>,
  { userId }: Permit,
): { readonly filter: JobListFilter; readonly limit: number } {
  const wanted = user === "me" ? userId : user;
  if (user === "me" && userId === undefined) throw new Refusal("FORBIDDEN");
  return {
    limit,
    filter: {
      ...(wanted !== undefined && { userId: wanted }),
      ...(orderingKey !== undefined && { orderingKey }),
      ...(message !== undefined && { message }),
      ...(states !== undefined && { states }),
    },
  };
}

/** @throws {Refusal} `FORBIDDEN` for jobs of somebody else. */
function ownFilter(filter: JobListFilter, { userId }: Permit): JobListFilter {
  if (userId === undefined || (filter.userId ?? userId) !== userId) throw new Refusal("FORBIDDEN");
  return { ...filter, userId };
}

/** A live list can't leave rows out for each client: it must be allowed as a whole. */
async function permitStatuses(
  { table, where = {} }: StatusListInterest,
  gateway: Gateway,
  request: Request,
): Promise<void> {
  const { allowsAll } = await gateway.statuses.permitList(table, where, request);
  if (!allowsAll) throw new Refusal("FORBIDDEN");
}
