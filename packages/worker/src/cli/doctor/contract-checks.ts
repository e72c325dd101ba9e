import type { Finding, MessageCoverage, Queue } from "@org/queue";
import { shorten } from "./config-checks.ts";
import { ok, problem, warning } from "./report.ts";

/** The messages of the registry against those of live workers. `version`: of the library in this project. */
export async function checkContracts(queue: Queue, version: string | undefined): Promise<readonly Finding[]> {
  const [coverage, workers] = await Promise.all([queue.coverage(), queue.workers()]);
  if (workers.length === 0) {
    return [warning("workers", "No worker is alive: jobs wait until one is.", "Start one: queue worker")];
  }
  const handled = coverage.filter(({ isHandled }) => isHandled);
  const count = workers.length === 1 ? "1 live worker handles" : `${workers.length} live workers handle`;
  return [
    ...(handled.length > 0
      ? [ok("messages", `${count} ${handled.length} of ${coverage.length} messages.`)]
      : []),
    ...coverage.filter(({ isHandled }) => !isHandled).map(describe),
    ...checkVersions(workers, version),
  ];
}

/** Of an older version the jobs bounce from worker to worker; of an unknown message they just wait. */
function describe({ message, text = "", remedy = "", handledUpTo }: MessageCoverage): Finding {
  return handledUpTo === undefined ? warning(message, text, remedy) : problem(message, text, remedy);
}

function checkVersions(
  workers: readonly { readonly name: string; readonly version: string }[],
  version: string | undefined,
): readonly Finding[] {
  const others = workers.filter((worker) => version !== undefined && worker.version !== version);
  if (others.length === 0) return [];
  const versions = [...new Set(others.map((worker) => worker.version))];
  return [
    warning(
      "library",
      `Here is @org/queue ${version}; ${shorten(versions)} runs in ${shorten(others.map(({ name }) => name))}.`,
      "Deploy the same version everywhere, workers first.",
    ),
  ];
}
