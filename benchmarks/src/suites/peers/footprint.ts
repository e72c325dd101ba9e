import { setTimeout as sleep } from "node:timers/promises";
import type { Measurement } from "../../measurement.ts";
import type { System } from "../../peers/system.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import {
  type Case,
  calibrate,
  compete,
  type Lab,
  load,
  measurement,
  ratios,
  setupOf,
  withConsumer,
  withProducer,
} from "./lab.ts";
import { startServer } from "./redis-server.ts";
import { timeRun } from "./run.ts";
import { sendInFlight } from "./send.ts";

/** Time for a worker to open its connections and become idle. */
const SETTLE_MS = 2_000;

const BYTES = "bytes per waiting job";
const CPU = "Redis CPU per job";
const IDLE = "idle worker";
const METRIC = "commands";

/** The cost of a system for the server. */
export const footprintCases: readonly Case[] = [
  {
    name: BYTES,
    run: (lab) =>
      compete(lab, {
        case: BYTES,
        metrics: { memory: "B/job" },
        systems: SYSTEMS,
        // Nearly the same to the byte each time.
        rounds: 1,
        measure: async (system) => ({ memory: await bytesPerJob(lab, system) }),
      }),
  },
  {
    name: CPU,
    run: (lab) =>
      compete(lab, {
        case: CPU,
        metrics: { "Redis CPU": "µs/job" },
        systems: SYSTEMS,
        prepare: (system) =>
          calibrate(lab, async (jobs) => {
            const start = performance.now();
            await sendAndRun(lab, system, jobs);
            return (performance.now() - start) / 1_000;
          }),
        measure: async (system, jobs) => {
          const before = await lab.server.cpuSeconds();
          await sendAndRun(lab, system, jobs);
          return { "Redis CPU": (((await lab.server.cpuSeconds()) - before) / jobs) * 1e6 };
        },
      }),
  },
  { name: IDLE, run: countIdleCommands },
];

async function bytesPerJob(lab: Lab, system: System): Promise<number> {
  const waiting = lab.quick ? 20_000 : 100_000;
  await lab.server.flush();
  return withProducer(system, setupOf(lab), async (producer) => {
    // Excludes the cost of the queue itself and its scripts.
    await producer.send(0);
    const before = await lab.server.usedMemory();
    await load(producer, waiting);
    return ((await lab.server.usedMemory()) - before) / waiting;
  });
}

async function sendAndRun(lab: Lab, system: System, jobs: number): Promise<void> {
  await lab.server.flush();
  await withProducer(system, setupOf(lab, { atOnce: 200 }), (producer) => sendInFlight(producer, jobs, 200));
  await timeRun(lab, system, { concurrency: 100, keep: 0, jobs });
}

/** All idle systems at the same time, each on its own server. */
async function countIdleCommands({ quick, progress }: Lab): Promise<readonly Measurement[]> {
  const seconds = quick ? 6 : 25;
  progress(`${IDLE}: ${seconds} s, all systems at once`);
  const found = await Promise.all(
    SYSTEMS.map(async (system): Promise<readonly [string, number]> => {
      await using server = await startServer();
      const setup = setupOf({ quick, progress, server }, { concurrency: 10 });
      const work = { jobs: 1, handler: () => {} };
      const commands = await withConsumer(system, setup, work, async (consumer) => {
        await consumer.start();
        await sleep(SETTLE_MS);
        const count = await server.countCommands();
        await sleep(seconds * 1_000);
        return count();
      });
      return [system.name, commands / seconds];
    }),
  );
  return [
    ...found.map(([name, value]) => measurement(IDLE, name, METRIC, "commands/s", value)),
    ...ratios(IDLE, METRIC, new Map(found.map(([name, value]) => [name, [value]]))),
  ];
}
