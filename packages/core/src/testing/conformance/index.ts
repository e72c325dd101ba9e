export type { ConformanceCase, EngineUnderTest } from "./case.ts";
export { conformanceCases, engineCases, runtimeCases } from "./cases.ts";
export {
  type ConformanceRunner,
  type DescribeEngineOptions,
  describeEngine,
  type SkippableTest,
} from "./describe-engine.ts";
export { type JobSpec, newJob } from "./new-job.ts";
