import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createQueue, createWorker, type SubscribeOptions } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { type Measurement, median, type Suite, type Verdict } from "../../measurement.ts";
import { payloadOf } from "../../peers/payload.ts";
import { pace } from "../../tools/pacer.ts";
import { type RedisServer, startServer } from "../peers/redis-server.ts";
import { ping, registry } from "./messages.ts";

const PER_SECOND = 5_000;
const PROCESSES = 4;
const WATCHED = 200;
const NOBODY = "nobody";
const JOBS = `${WATCHED} jobs each`;

/** What each of the processes subscribes to. */
const CASES: Readonly<Record<string, SubscribeOptions | undefined>> = {
  [NOBODY]: undefined,
  [JOBS]: { jobs: Array.from({ length: WATCHED }, (_, index) => `watched-${index}`), detail: true },
  "failures, as for statuses": { types: ["failed", "cancelled", "requeued"], detail: true },
  everything: {},
};

interface Figures {
  /** Shares of a core, 0 to 1. */
  readonly server: number;
  readonly process: number;
}

/** What it costs to watch a flow of jobs: the server's processor time and each watching process's. */
export const eventsSuite: Suite = {
  name: "events",
  describes: `what watching costs: ${PROCESSES} processes, while ${PER_SECOND.toLocaleString("en")} jobs/s are sent and run`,
  cases: Object.keys(CASES),
  async run({ quick, only, progress }) {
    const rounds = quick ? 1 : 5;
    const seconds = quick ? 4 : 8;
    // Without the first case there is nothing to compare with.
    const cases = Object.keys(CASES).filter(
      (name) => name === NOBODY || only.length === 0 || only.some((part) => name.includes(part)),
    );
    const figures = new Map<string, Figures[]>(cases.map((name) => [name, []]));
    await using server = await startServer();
    await measure(server, undefined, 1);
    for (let round = 1; round <= rounds; round++) {
      for (const name of round % 2 === 1 ? cases : cases.toReversed()) {
        progress(`round ${round} of ${rounds}: ${name}`);
        figures.get(name)!.push(await measure(server, CASES[name], seconds));
      }
    }
    return cases.flatMap((name): readonly Measurement[] => {
      const found = figures.get(name)!;
      const percent = (metric: string, values: readonly number[]): Measurement => ({
        suite: "events",
        case: name,
        system: "redis",
        metric,
        unit: "% of a core",
        value: 100 * median(values),
      });
      const server = percent(
        "server",
        found.map((one) => one.server),
      );
      if (CASES[name] === undefined) return [server];
      return [
        server,
        percent(
          "each process",
          found.map((one) => one.process),
        ),
      ];
    });
  },
  judge(measurements) {
    const value = (name: string, metric: string) =>
      measurements.find((one) => one.case === name && one.metric === metric)?.value;
    const [alone, watched, each] = [
      value(NOBODY, "server"),
      value(JOBS, "server"),
      value(JOBS, "each process"),
    ];
    if (alone === undefined || watched === undefined || each === undefined) return [];
    const verdict = (promise: string, found: number, limit: number): Verdict => ({
      promise: `${JOBS}: ${promise}`,
      found: `${found.toFixed(1)} %`,
      isMet: found < limit,
    });
    return [
      verdict("the server spends less than 3 % of a core on it", watched - alone, 3),
      verdict("each process spends less than 10 % of a core", each, 10),
    ];
  },
};

/** Sends and runs jobs at a steady rate for some seconds while processes watch. */
async function measure(
  server: RedisServer,
  options: SubscribeOptions | undefined,
  seconds: number,
): Promise<Figures> {
  await server.flush();
  const watchers = options === undefined ? [] : await startWatchers(server.url, options);
  const queue = createQueue({ registry, engine: redisEngine({ url: server.url }) });
  const worker = createWorker(queue, { concurrency: 100 }).handle(ping, () => {});
  await worker.start();
  const count = PER_SECOND * seconds;
  for (const watcher of watchers) watcher.send("start");
  const before = await server.cpuSeconds();
  const begun = performance.now();
  const sends: Promise<unknown>[] = [];
  await pace(PER_SECOND, count, (index) => {
    // Now and then a watched job: ten a second.
    const id = index % 500 === 0 ? `watched-${(index / 500) % WATCHED}` : undefined;
    sends.push(queue.send(ping, payloadOf(index), { ...(id !== undefined && { id }) }));
  });
  await Promise.all(sends);
  await worker.idle();
  const elapsed = (performance.now() - begun) / 1_000;
  const cpu = (await server.cpuSeconds()) - before;
  const reports = await Promise.all(watchers.map(stopWatcher));
  await worker.stop();
  await queue.close();
  const process = reports.length === 0 ? 0 : Math.max(...reports.map((report) => report.cpu));
  return { server: cpu / elapsed, process: process / elapsed };
}

function startWatchers(url: string, options: SubscribeOptions): Promise<readonly ChildProcess[]> {
  return Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      const watcher = fork(new URL("./watcher.ts", import.meta.url), [url, JSON.stringify(options)]);
      await once(watcher, "message");
      return watcher;
    }),
  );
}

async function stopWatcher(watcher: ChildProcess): Promise<{ readonly cpu: number }> {
  watcher.send("stop");
  const [report] = await once(watcher, "message");
  watcher.disconnect();
  return report;
}
