import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startPostgres, startRedis } from "@org/test-servers";
import { test as base, describe, expect, onTestFinished } from "vitest";

const DEMO = fileURLToPath(new URL("../src/demo.ts", import.meta.url));
const WORKER_READY = /\[worker (\d+)\] Ready/;

/** The demo as a process, with Redis and a database that it shares with its worker's process. */
const test = base
  .extend("redis", { scope: "file" }, async ({}, { onCleanup }) => {
    const server = await startRedis();
    onCleanup(() => server.stop());
    return server;
  })
  .extend("postgres", { scope: "file" }, async ({}, { onCleanup }) => {
    const server = await startPostgres();
    onCleanup(() => server.stop());
    return server;
  })
  .extend("demo", ({ redis, postgres }) => startDemo({ REDIS_URL: redis.url, DATABASE_URL: postgres.url }));

function startDemo(env: Readonly<Record<string, string>>) {
  const { SMTP_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ["--conditions=@org/source", DEMO], {
    env: { ...inherited, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "close");
  return {
    child,
    /** Waits until it has printed this, and returns the first group. */
    async said(pattern: RegExp): Promise<string> {
      for (;;) {
        const found = pattern.exec(output);
        if (found) return found[1] ?? found[0];
        const [code] = await Promise.race([once(child.stdout, "data"), ended]);
        if (typeof code === "number") throw new Error(`The demo ended with ${code}:\n${output}`);
      }
    },
    async end() {
      const [code] = await ended;
      return { code: code as number | null, output, summary: JSON.parse(output.trim().split("\n").at(-1)!) };
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("with REDIS_URL, the demo", () => {
  test("runs across two processes", async ({ demo }) => {
    const { code, output, summary } = await demo.end();
    expect(code, output).toBe(0);
    expect(summary).toMatchObject({
      ok: true,
      engine: "redis",
      database: "PostgreSQL",
      pids: { demo: demo.child.pid, worker: expect.any(Number) },
      jobs: { completed: 47, cancelled: 3 },
      checks: 58,
      failures: [],
    });
    const { worker } = summary.pids;
    expect(worker).not.toBe(demo.child.pid);
    expect(output).toContain("✓ jobs sent here ran in the worker's process");
    expect(output).toMatch(new RegExp(`\\[worker ${worker}\\] Stopped\\. 50 completed`));
    expect(output).toContain("✓ 3 handlers ran at once, one per line");
    expect(output).toContain("✓ on SIGTERM it exits gracefully");
    expect(isAlive(worker)).toBe(false);
  });

  test("fails with a reason when its worker dies", async ({ demo }) => {
    const worker = Number(await demo.said(WORKER_READY));
    process.kill(worker, "SIGKILL");
    const { code, summary } = await demo.end();
    expect([code, summary.ok]).toEqual([1, false]);
    expect(summary.failures).toEqual([
      expect.stringContaining(`${worker}, exited unexpectedly with SIGKILL`),
    ]);
  });

  test("ends its worker when it is interrupted", async ({ demo }) => {
    const worker = Number(await demo.said(WORKER_READY));
    demo.child.kill("SIGINT");
    const { code, output, summary } = await demo.end();
    expect([code, summary.failures]).toEqual([130, ["interrupted by SIGINT"]]);
    expect(output).toContain(`[worker ${worker}] Stopped.`);
    expect(isAlive(worker)).toBe(false);
  });
});

test("invalid Redis settings are reported in one line", async () => {
  const { code, output, summary } = await startDemo({ REDIS_URL: "localhost" }).end();
  expect([code, summary.failures]).toEqual([1, [expect.stringMatching(/^REDIS_URL /)]]);
  expect(output).not.toContain("    at ");
});
