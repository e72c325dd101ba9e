import type { Dependency, NewJob, Retention, WireEnvelope } from "../../engine/job.ts";

/** The default queue of jobs. */
export const QUEUE = "jobs";
/** The default message type of jobs. */
const MESSAGE = "TEST_MESSAGE";

const KEEP: Retention = Object.freeze({
  completed: Object.freeze({ age: 86_400_000, count: 100_000 }),
  failed: Object.freeze({ age: 86_400_000, count: 100_000 }),
});

/** The parts of a job that a test sets. The rest has defaults. */
export interface JobSpec extends Partial<Omit<NewJob, "envelope" | "dependsOn" | "ordering">> {
  readonly id?: string;
  readonly messageType?: string;
  /** JSON text. */
  readonly data?: string;
  readonly envelope?: Partial<WireEnvelope>;
  /** Ids (with the default policy) or edges. */
  readonly dependsOn?: readonly (string | Dependency)[];
  readonly orderingKey?: string;
  readonly onOrderingFailure?: "continue" | "hold";
}

let sent = 0;

/** Builds a job from the parts that matter to a test. */
export function newJob(spec: JobSpec = {}): NewJob {
  const { id, messageType, data, envelope, dependsOn, orderingKey, onOrderingFailure, ...options } = spec;
  return {
    queue: QUEUE,
    priority: 0,
    delay: 0,
    maxAttempts: 3,
    maxStalls: 3,
    retain: KEEP,
    ...options,
    envelope: {
      id: id ?? `job-${++sent}`,
      messageType: messageType ?? MESSAGE,
      version: 1,
      timestamp: "2026-01-01T00:00:00.000Z",
      data: data ?? "{}",
      ...envelope,
    },
    dependsOn: (dependsOn ?? []).map((edge) =>
      typeof edge === "string" ? { job: edge, onFailure: "cancel" } : edge,
    ),
    ...(orderingKey !== undefined && {
      ordering: { key: orderingKey, onFailure: onOrderingFailure ?? "continue" },
    }),
  };
}

/** A retention with these bounds, and a day for the rest. */
export function retain(bounds: {
  readonly completed?: Partial<Retention["completed"]>;
  readonly failed?: Partial<Retention["failed"]>;
}): Retention {
  return {
    completed: { ...KEEP.completed, ...bounds.completed },
    failed: { ...KEEP.failed, ...bounds.failed },
  };
}
