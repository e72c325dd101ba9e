import type { System } from "../../peers/system.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import {
  type Case,
  calibrate,
  collectGarbage,
  compete,
  type Lab,
  load,
  setupOf,
  systemsThat,
  withConsumer,
  withProducer,
} from "./lab.ts";

interface Running {
  readonly concurrency: number;
  readonly keep: number;
}

const running = (name: string, systems: readonly System[], { concurrency, keep }: Running): Case => ({
  name,
  run: (lab) =>
    compete(lab, {
      case: name,
      metrics: { runs: "jobs/s" },
      systems,
      prepare: (system) => calibrate(lab, (jobs) => loadAndRun(lab, system, { concurrency, keep, jobs })),
      measure: async (system, jobs) => ({
        runs: jobs / (await loadAndRun(lab, system, { concurrency, keep, jobs })),
      }),
    }),
});

export const runCases: readonly Case[] = [
  ...[1, 10, 100].map((concurrency) =>
    running(`run at concurrency ${concurrency}`, SYSTEMS, { concurrency, keep: 0 }),
  ),
  running(
    "run at concurrency 100, keeping the last 1,000",
    systemsThat(({ retention }) => retention),
    { concurrency: 100, keep: 1_000 },
  ),
];

interface Load extends Running {
  readonly jobs: number;
  /** @default 0 */
  readonly keys?: number;
  /** The URL for the consumer. @default the lab's server */
  readonly url?: string;
}

/** Seconds to run jobs that are all stored beforehand. */
export async function loadAndRun(lab: Lab, system: System, work: Load): Promise<number> {
  const { concurrency, jobs, keep, keys = 0 } = work;
  await lab.server.flush();
  await withProducer(system, setupOf(lab, { concurrency, keep, keys }), (producer) => load(producer, jobs));
  return timeRun(lab, system, work);
}

/** Seconds from the first handler's start until Redis has confirmed the end of the last job. */
export function timeRun(lab: Lab, system: System, work: Load): Promise<number> {
  const { concurrency, jobs, keep, keys = 0, url = lab.server.url } = work;
  let first = 0;
  const handler = () => {
    if (first === 0) first = performance.now();
  };
  const setup = setupOf(lab, { concurrency, keep, keys, url });
  return withConsumer(system, setup, { jobs, handler }, async (consumer) => {
    collectGarbage();
    await consumer.start();
    await consumer.done;
    return (performance.now() - first) / 1_000;
  });
}
