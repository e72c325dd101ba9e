/** Failed attempts that an engine keeps of a job: the newest. */
export const MAX_FAILURES = 10;

/** Log lines that an engine keeps of a job: the newest. */
export const MAX_LOGS = 100;

/** Dependents of a job that `edges` names, unless it is told how many. */
export const MAX_DEPENDENTS = 100;

/** Dependents that have ended, of which an engine remembers the ids with the job that they depended on: the newest. */
export const MAX_ENDED_DEPENDENTS = 100;

/** Attempts that an engine keeps of a worker's beat: the longest running. */
export const MAX_BEAT_ATTEMPTS = 100;

/** Milliseconds that a worker is alive after its last beat. */
export const WORKER_LIFETIME = 30_000;

/** Minutes of metrics that an engine keeps: a day. */
export const METRICS_MINUTES = 1_440;
