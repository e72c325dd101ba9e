import { setTimeout as sleep } from "node:timers/promises";
import { type Measurement, median, percentile } from "../../measurement.ts";
import type { System } from "../../peers/system.ts";
import { OURS, SYSTEMS } from "../../peers/systems.ts";
import {
  type Case,
  collectGarbage,
  compete,
  type Lab,
  load,
  measurement,
  setupOf,
  systemsThat,
  withConsumer,
  withProducer,
} from "./lab.ts";
import { type RedisServer, startServer } from "./redis-server.ts";

const COST = "cost per job by jobs waiting";
const LOW_PRIORITY = 100;
/** Long enough that the waiting jobs last until the end. */
const HANDLER_MS = 5;
/** An index that no waiting job has. */
const URGENT = 2_000_000;

export const backlogCases: readonly Case[] = [
  { name: COST, run: measureCosts },
  urgent("urgent job with low-priority jobs waiting"),
];

interface Backlog {
  readonly server: RedisServer;
  readonly waiting: number;
  readonly times: number[];
  readonly cpus: number[];
}

/** Every backlog has its own server, so that each round can measure all of them. */
async function measureCosts(lab: Lab): Promise<readonly Measurement[]> {
  const ours = SYSTEMS.find(({ name }) => name === OURS)!;
  const jobs = lab.quick ? 5_000 : 20_000;
  const rounds = lab.quick ? 2 : 5;
  await using stack = new AsyncDisposableStack();
  const backlogs: Backlog[] = [];
  for (const waiting of lab.quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000]) {
    lab.progress(`${COST}: storing ${waiting.toLocaleString("en")}`);
    const server = stack.use(await startServer());
    await withProducer(ours, setupOf({ ...lab, server }), (producer) => load(producer, waiting));
    backlogs.push({ server, waiting, times: [], cpus: [] });
  }
  for (let round = 0; round <= rounds; round++) {
    for (const backlog of backlogs) {
      const { time, cpu } = await runSome({ ...lab, server: backlog.server }, ours, jobs);
      // The first round warms up.
      if (round === 0) continue;
      backlog.times.push(time);
      backlog.cpus.push(cpu);
    }
    const line = backlogs.map(({ times }) => `${times.at(-1)?.toFixed(2)} µs`).join(", ");
    if (round > 0) lab.progress(`${COST}, round ${round} of ${rounds}: ${line}`);
  }
  const small = backlogs[0]!;
  const large = backlogs.at(-1)!;
  return [
    ...backlogs.flatMap(({ waiting, times, cpus }) => [
      measurement(COST, OURS, `time, ${waiting.toLocaleString("en")} waiting`, "µs/job", median(times)),
      measurement(COST, OURS, `Redis CPU, ${waiting.toLocaleString("en")} waiting`, "µs/job", median(cpus)),
    ]),
    measurement(COST, OURS, "time, most : fewest", "times", ratio(large.times, small.times)),
    measurement(COST, OURS, "Redis CPU, most : fewest", "times", ratio(large.cpus, small.cpus)),
  ];
}

/** The median of ratios per round, because the figures of one round were measured close together. */
function ratio(large: readonly number[], small: readonly number[]): number {
  return median(large.map((value, round) => value / small[round]!));
}

/** Stores `jobs` more and runs as many from the head. Returns microseconds per job, of wall clock and Redis CPU. */
async function runSome(lab: Lab, system: System, jobs: number): Promise<{ time: number; cpu: number }> {
  await withProducer(system, setupOf(lab), (producer) => load(producer, jobs));
  const { promise: enough, resolve } = Promise.withResolvers<number>();
  let ran = 0;
  let start = 0;
  const handler = () => {
    if (ran++ === 0) start = performance.now();
    else if (ran === jobs) resolve(performance.now() - start);
  };
  const work = { jobs: Number.POSITIVE_INFINITY, handler };
  const measured = await withConsumer(system, setupOf(lab), work, async (consumer) => {
    collectGarbage();
    const before = await lab.server.cpuSeconds();
    await consumer.start();
    const time = ((await enough) * 1_000) / jobs;
    const cpu = await lab.server.cpuSeconds();
    return { time, cpu: ((cpu - before) / ran) * 1e6 };
  });
  // The worker ran more jobs until it was stopped.
  await withProducer(system, setupOf(lab), (producer) => load(producer, ran - jobs));
  return measured;
}

function urgent(name: string): Case {
  return {
    name,
    run: async (lab) => {
      const waiting = lab.quick ? 100_000 : 1_000_000;
      const count = waiting.toLocaleString("en");
      lab.progress(`${name}: storing ${count} in each system`);
      return compete(lab, {
        case: name,
        metrics: { [`median, ${count} waiting`]: "ms", [`p99, ${count} waiting`]: "ms" },
        systems: systemsThat(({ priorities }) => priorities),
        // Storing the backlog takes a minute.
        rounds: 1,
        measure: async (system) => {
          const latencies = await measureUrgent(lab, system, waiting);
          return {
            [`median, ${count} waiting`]: percentile(latencies, 0.5),
            [`p99, ${count} waiting`]: percentile(latencies, 0.99),
          };
        },
      });
    },
  };
}

/** Milliseconds from the send of a job without a priority until it starts, while ten handlers are busy. */
async function measureUrgent(lab: Lab, system: System, waiting: number): Promise<readonly number[]> {
  const latencies: number[] = [];
  let started: () => void = () => {};
  const handler = async (index: number) => {
    if (index >= URGENT) started();
    await sleep(HANDLER_MS);
  };
  await lab.server.flush();
  await withProducer(system, setupOf(lab), (producer) => load(producer, waiting, LOW_PRIORITY));
  const work = { jobs: Number.POSITIVE_INFINITY, handler };
  await withConsumer(system, setupOf(lab, { concurrency: 10 }), work, async (consumer) => {
    await withProducer(system, setupOf(lab, { atOnce: 1 }), async (producer) => {
      await consumer.start();
      await sleep(500);
      for (let sent = 0; sent < (lab.quick ? 30 : 200); sent++) {
        const { promise, resolve } = Promise.withResolvers<void>();
        started = resolve;
        const start = performance.now();
        await Promise.all([producer.send(URGENT + sent), promise]);
        latencies.push(performance.now() - start);
        await sleep(5 + Math.random() * 10);
      }
    });
  });
  return latencies;
}
