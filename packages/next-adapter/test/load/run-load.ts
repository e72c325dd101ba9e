import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { startRedis } from "@org/test-servers";
import { change, jobId, openLoadQueue } from "./jobs.ts";
import { LoadFigures, percentile, StreamClient } from "./stream-client.ts";

export interface LoadOptions {
  readonly clients: number;
  /** Jobs in all, and those that one client follows. */
  readonly jobs: number;
  readonly followed: number;
  /** Changes a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Of streams, in milliseconds. */
  readonly lifetime?: number;
  readonly onProgress?: (line: string) => void;
}

export interface LoadReport {
  /** Changes that the generator made, and that clients were sent. */
  readonly made: number;
  readonly received: number;
  /** Milliseconds from a job's end to a client. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Megabytes of the server's heap, once a tenth of the duration. */
  readonly heap: readonly number[];
  /** Of one core, in percent. */
  readonly cpu: number;
  /** Left of the server after all clients have gone. */
  readonly left: { readonly streams: number; readonly connections: number };
}

interface ServerFigures {
  readonly streams: number;
  readonly connections: number;
  readonly heapUsed: number;
  readonly cpu: NodeJS.CpuUsage;
}

/** Runs clients against one process of the routes, with a generator of changes in another. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { clients: count, jobs, followed, rate, duration, lifetime = 30_000, onProgress } = options;
  const redis = await startRedis();
  const queue = openLoadQueue(redis.url);
  const children: ChildProcess[] = [];
  const start = async (file: string, args: readonly string[]) => {
    const child = fork(new URL(file, import.meta.url), args, {
      execArgv: ["--conditions=@org/source", "--expose-gc"],
    });
    children.push(child);
    const [message] = await once(child, "message");
    return { child, message };
  };
  try {
    for (let first = 0; first < jobs; first += 1_000) {
      const size = Math.min(1_000, jobs - first);
      await queue.sendMany(
        Array.from({ length: size }, (_, index) => ({
          message: change,
          data: { index: first + index },
          options: { id: jobId(first + index), delay: "1d" },
        })),
      );
    }
    const { child: server, message } = await start("./server.ts", [redis.url, String(lifetime)]);
    const url = `http://127.0.0.1:${message.port}`;
    const figures = new LoadFigures();
    const clients = Array.from({ length: count }, (_, client) => {
      const ids = Array.from({ length: followed }, (_, index) => jobId((client * 37 + index * 13) % jobs));
      return new StreamClient(url, [...new Set(ids)], figures);
    });
    for (const [index, client] of clients.entries()) {
      client.open();
      if (index % 50 === 49) await delay(20);
    }
    while (figures.ready < count) await delay(50);
    onProgress?.(`${count} streams are ready`);

    const { child: generator } = await start("./generator.ts", [redis.url, String(jobs), String(rate)]);
    const before = await ask<ServerFigures>(server);
    const heap: number[] = [];
    for (let step = 0; step < 10; step++) {
      await delay(duration / 10);
      const { heapUsed, streams } = await ask<ServerFigures>(server);
      heap.push(Math.round(heapUsed / 1e6));
      onProgress?.(
        `${streams} streams, ${heap.at(-1)} MB, ${figures.changes} changes, p95 ${percentile(figures.latencies, 0.95)} ms`,
      );
    }
    const after = await ask<ServerFigures>(server);
    const { done } = await ask<{ readonly done: number }>(generator);
    for (const client of clients) client.close();
    let left = await ask<ServerFigures>(server);
    for (let tries = 0; tries < 100 && left.streams + left.connections > 0; tries++) {
      await delay(100);
      left = await ask<ServerFigures>(server);
    }
    const cpu = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
    return {
      made: done,
      received: figures.changes,
      p50: percentile(figures.latencies, 0.5),
      p95: percentile(figures.latencies, 0.95),
      p99: percentile(figures.latencies, 0.99),
      heap,
      cpu: Math.round(cpu / duration / 10),
      left: { streams: left.streams, connections: left.connections },
    };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await queue.close();
    await redis.stop();
  }
}

async function ask<Answer>(child: ChildProcess): Promise<Answer> {
  child.send({});
  const [answer] = await once(child, "message");
  return answer as Answer;
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
