import { Redis } from "ioredis";
import { type Measurement, median } from "../../measurement.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import { startDelayProxy } from "../../tools/delay-proxy.ts";
import { type Case, calibrate, compete, type Lab, measurement } from "./lab.ts";
import { loadAndRun } from "./run.ts";
import { sendInFlight, timeSend } from "./send.ts";

/** The system name for measured round trips. */
export const ROUND_TRIP = "PING";
const ROUND_TRIP_MS = 5;
const PREFIX = `${ROUND_TRIP_MS} ms of network delay`;

/** With a round trip as between availability zones. The number of round trips decides. */
export const networkCases: readonly Case[] = [
  distant("send 200 in flight", "sends", "sends/s", (lab, system, jobs, url) =>
    timeSend(lab, system, {
      atOnce: 200,
      jobs,
      send: (producer) => sendInFlight(producer, jobs, 200),
      url,
    }),
  ),
  ...[10, 100].map((concurrency) =>
    distant(`run at concurrency ${concurrency}`, "runs", "jobs/s", (lab, system, jobs, url) =>
      loadAndRun(lab, system, { concurrency, keep: 0, jobs, url }),
    ),
  ),
];

function distant(
  what: string,
  metric: string,
  unit: string,
  time: (lab: Lab, system: (typeof SYSTEMS)[number], jobs: number, url: string) => Promise<number>,
): Case {
  const name = `${PREFIX}: ${what}`;
  return {
    name,
    async run(lab) {
      const proxy = await startDelayProxy(lab.server.url, ROUND_TRIP_MS / 2);
      try {
        const found = await compete(lab, {
          case: name,
          metrics: { [metric]: unit },
          systems: SYSTEMS,
          prepare: (system) => calibrate(lab, (jobs) => time(lab, system, jobs, proxy.url)),
          measure: async (system, jobs) => ({
            [metric]: jobs / (await time(lab, system, jobs, proxy.url)),
          }),
        });
        return [...found, await measureRoundTrip(name, proxy.url)];
      } finally {
        await proxy.stop();
      }
    },
  };
}

/** Measures the actual delay, for the page. */
async function measureRoundTrip(name: string, url: string): Promise<Measurement> {
  const redis = new Redis(url);
  const took: number[] = [];
  for (let ping = 0; ping < 50; ping++) {
    const start = performance.now();
    await redis.ping();
    took.push(performance.now() - start);
  }
  redis.disconnect();
  return measurement(name, ROUND_TRIP, "round trip", "ms", median(took));
}
