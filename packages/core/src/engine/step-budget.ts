/**
 * What one step of an engine may spend on the dependents of jobs that end, so that no step takes long, whatever the
 * number of dependents. What is left goes on in later steps. Engines that count alike decide alike.
 */
export const STEP_POINTS = 5_000;
/** What it costs to decide one dependent. To end a job, or to reopen it, costs a point for each of its dependencies. */
export const EDGE_POINTS = 10;
/** Dependents of one job that a step decides at least, once it begins with them. */
export const MIN_DECIDED = 8;
