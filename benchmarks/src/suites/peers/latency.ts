import { percentile } from "../../measurement.ts";
import type { System } from "../../peers/system.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import { now } from "../../tools/monotonic.ts";
import { pace } from "../../tools/pacer.ts";
import { type Case, collectGarbage, compete, type Lab, setupOf, withConsumer, withProducer } from "./lab.ts";

const CONCURRENCY = 100;
/** Seconds of sends at the start that aren't counted. */
const WARM_UP_SECONDS = 0.4;

const latency = (perSecond: number, seconds: number): Case => {
  const name = `end-to-end latency at ${perSecond.toLocaleString("en")} jobs/s`;
  return {
    name,
    run: (lab) =>
      compete(lab, {
        case: name,
        metrics: { p50: "ms", p99: "ms" },
        systems: SYSTEMS,
        measure: async (system) => {
          const latencies = await measureLatencies(lab, system, perSecond, lab.quick ? 0.6 : seconds);
          return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
        },
      }),
  };
};

/** Slower rates run longer, because a 99th percentile needs hundreds of jobs. */
export const latencyCases: readonly Case[] = [latency(100, 4), latency(1_000, 2.5), latency(5_000, 2)];

/**
 * Milliseconds from the intended time of each send until its handler starts. The producer keeps its pace whatever the
 * system does, and its delays count, so there is no coordinated omission.
 */
async function measureLatencies(
  lab: Lab,
  system: System,
  perSecond: number,
  seconds: number,
): Promise<readonly number[]> {
  const warmUp = Math.round(perSecond * WARM_UP_SECONDS);
  const jobs = warmUp + perSecond * seconds;
  const latencies = new Float64Array(jobs);
  const intended = new Float64Array(jobs);
  const handler = (index: number) => {
    latencies[index] = now() - intended[index]!;
  };
  await lab.server.flush();
  const setup = setupOf(lab, { atOnce: 1, concurrency: CONCURRENCY });
  await withConsumer(system, setup, { jobs, handler }, async (consumer) => {
    await withProducer(system, setup, async (producer) => {
      await consumer.start();
      collectGarbage();
      const sends: Promise<unknown>[] = [];
      await pace(perSecond, jobs, (index, at) => {
        intended[index] = at;
        sends.push(producer.send(index));
      });
      await Promise.all(sends);
      await consumer.done;
    });
  });
  return [...latencies.subarray(warmUp)];
}
