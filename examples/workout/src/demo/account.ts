import type { JobSnapshot } from "@org/queue";
import type { WorkoutMessage } from "../registry.ts";
import type { Stage } from "./stage.ts";

type Job = JobSnapshot<WorkoutMessage>;

interface Entry {
  readonly name: string;
  readonly job: Job;
}

/** Prints a table of all jobs: dependencies, number of runs, durations. */
export async function printAccount({ queue, jobs, report }: Stage): Promise<Record<string, number>> {
  const entries: Entry[] = [];
  for (const [name, handle] of jobs) {
    const job = await queue.get(handle);
    if (job) entries.push({ name, job });
    else report.expect(`the job "${name}" is still stored`, false, true);
  }
  const nameOf = new Map(entries.map(({ name, job }) => [job.id, name]));
  const shown = entries.filter(({ name }) => !name.startsWith("#"));
  const rows = shown.map(({ name, job }) => [
    name,
    job.messageType,
    job.state,
    job.dependsOn.map((edge) => nameOf.get(edge.job) ?? edge.job).join(", ") || "-",
    `${runsOf(job)}`,
    seconds(job.createdAt, job.finishedAt),
    runsOf(job) === 0 ? "-" : seconds(job.startedAt, job.finishedAt),
  ]);
  report.scene("The account");
  report.table(
    layOut([["job", "message", "state", "waited for", "runs", "sent to end", "last run"], ...rows]),
  );
  for (const { name, job } of shown.filter(({ job }) => job.failures.length > 0)) {
    for (const [index, { at, error }] of job.failures.entries()) {
      report.say(
        `${name}: run ${index + 1} failed ${seconds(job.createdAt, at)} after it was sent: ${error.message}`,
      );
    }
  }
  const quiet = entries.filter(({ name }) => name.startsWith("#"));
  report.expect(
    `and ${quiet.length} jobs of the ordering scenes, each completed in one run`,
    quiet.filter(({ job }) => job.state !== "completed" || runsOf(job) !== 1).map(({ name }) => name),
    [],
  );

  const states: Record<string, number> = {};
  for (const { job } of entries) states[job.state] = (states[job.state] ?? 0) + 1;
  return states;
}

/** The number of runs. Not `attempt`, which an operator's retry resets. */
function runsOf({ failures, startedAt }: Job): number {
  const isLastListed = failures.at(-1)?.startedAt.getTime() === startedAt?.getTime();
  return failures.length + (startedAt && !isLastListed ? 1 : 0);
}

function seconds(from: Date | undefined, to: Date | undefined): string {
  if (!from || !to) return "-";
  const milliseconds = to.getTime() - from.getTime();
  return milliseconds < 1_000 ? `${milliseconds} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

function layOut(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
