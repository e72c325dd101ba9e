import type { Measurement, Verdict } from "../../measurement.ts";
import { BULLMQ, GROUPMQ, OURS } from "../../peers/systems.ts";
import { formatFigure, formatRatio, ratioMetric } from "./figures.ts";

/** A bound for one of our figures, or for its ratio to a peer's. */
interface Budget {
  readonly case: string;
  readonly metric: string;
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const bull = (name: string, metric: string, bound: Pick<Budget, "atLeast" | "atMost">): Budget => ({
  case: name,
  metric,
  against: BULLMQ,
  ...bound,
});

/** Our budgets. Mostly ratios, because figures of different machines can't be compared. */
const BUDGETS: readonly Budget[] = [
  bull("send one by one, 1 in flight", "sends", { atLeast: 1.3 }),
  bull("send one by one, 200 in flight", "sends", { atLeast: 3.5 }),
  bull("bulk 1,000", "sends", { atLeast: 5 }),
  bull("run at concurrency 1", "runs", { atLeast: 12 }),
  bull("run at concurrency 10", "runs", { atLeast: 6 }),
  bull("run at concurrency 100", "runs", { atLeast: 4 }),
  bull("run at concurrency 100, keeping the last 1,000", "runs", { atLeast: 3 }),
  bull("fan-in flows 1 + 20", "add", { atLeast: 4 }),
  bull("fan-in flows 1 + 20", "run", { atLeast: 4 }),
  { case: "1 ordering key", metric: "run", against: GROUPMQ, atLeast: 5 },
  bull("end-to-end latency at 100 jobs/s", "p50", { atMost: 1 }),
  bull("end-to-end latency at 1,000 jobs/s", "p50", { atMost: 1 }),
  bull("end-to-end latency at 1,000 jobs/s", "p99", { atMost: 1 }),
  bull("end-to-end latency at 5,000 jobs/s", "p99", { atMost: 1 }),
  bull("bytes per waiting job", "memory", { atMost: 0.55 }),
  bull("Redis CPU per job", "Redis CPU", { atMost: 0.35 }),
  { case: "idle worker", metric: "commands", atMost: 0.4 },
  { case: "cost per job by jobs waiting", metric: "time, most : fewest", atMost: 1.3 },
  { case: "cost per job by jobs waiting", metric: "Redis CPU, most : fewest", atMost: 1.3 },
];

export function judge(measurements: readonly Measurement[]): readonly Verdict[] {
  return BUDGETS.flatMap((budget) => {
    const { against, atLeast = 0, atMost = Number.POSITIVE_INFINITY } = budget;
    const metric = against === undefined ? budget.metric : ratioMetric(budget.metric, against);
    const found = measurements.find(
      (measured) => measured.case === budget.case && measured.metric === metric && measured.system === OURS,
    );
    if (!found) return [];
    const format = (value: number) =>
      against === undefined ? `${formatFigure(value)} ${found.unit}` : formatRatio(value);
    const bound = budget.atLeast === undefined ? `at most ${format(atMost)}` : `at least ${format(atLeast)}`;
    return {
      promise: `${budget.case}: ${budget.metric} ${bound}${against === undefined ? "" : ` ${against}`}`,
      found: format(found.value),
      isMet: found.value >= atLeast && found.value <= atMost,
    };
  });
}
