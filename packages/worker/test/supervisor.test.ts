import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { useScene, work } from "./support/supervised.ts";

const FIXTURES = fileURLToPath(new URL("./fixtures", import.meta.url));
const scene = useScene();

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a supervisor", () => {
  it("starts its processes, restarts one that is killed, and stops all", async () => {
    const { queue, start, pids } = scene.current;
    const program = start(2);
    await program.line(/^All processes are ready/);
    const [victim] = pids();
    process.kill(victim!, "SIGKILL");
    const line = await program.line(/ended with signal SIGKILL/);
    expect(line).toMatchObject({ level: "warn", childPid: victim });
    await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(3);
    const job = await queue.send(work, { act: "return" });
    await queue.wait(job);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(pids().filter(isAlive)).toEqual([]);
  });

  it("answers for all of its processes on one port", async () => {
    const { queue, start } = scene.current;
    const program = start(2, { endpoints: { port: 0, host: "127.0.0.1" } });
    const url = /http:\/\/\S+/.exec((await program.line(/^Starting/)).msg)![0];
    const jobs = Array.from({ length: 50 }, () => ({ message: work, data: { act: "return" as const } }));
    for (const job of await queue.sendMany(jobs)) await queue.wait(job);
    const ask = (path: string) => fetch(new URL(path, url));
    await expect.poll(async () => (await ask("/readyz")).status, { timeout: 5_000 }).toBe(200);
    expect((await ask("/livez")).status).toBe(200);
    const metrics = await (await ask("/metrics")).text();
    const attempts = [...metrics.matchAll(/^queue_attempts_total\{.*outcome="completed".*\} (\d+)$/gm)];
    expect(attempts.map(([, value]) => Number(value)).reduce((sum, value) => sum + value, 0)).toBe(50);
    // The depth of a queue is the same for every process, so it isn't summed.
    const [, depth] = /^queue_jobs\{[^}]*state="completed"[^}]*\} (\d+)$/m.exec(metrics)!;
    expect(depth).toBe("50");
  });

  it("starts a process again that uses too much memory", async () => {
    const { queue, start, pids } = scene.current;
    const program = start(2, { watch: { maxMemory: 320 }, stopTimeout: 100 });
    await program.line(/^All processes are ready/);
    const job = await queue.send(work, { act: "leak", milliseconds: 60_000 });
    await program.line(/more than its bound of 320 MB/);
    await program.line(/ended with code 75, to be started again/);
    await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(3);
    expect(await queue.get(job)).toMatchObject({ stalls: 0 });
  });

  it("gives up on a crash loop, loudly, and ends the other processes", async () => {
    const { directory, start, pids } = scene.current;
    const file = join(directory, "broken");
    const program = start(2, { restarts: { pause: "10ms", giveUpAfter: 3 } }, { TEST_BREAK_FILE: file });
    await program.line(/^All processes are ready/);
    await writeFile(file, "");
    process.kill(pids()[0]!, "SIGKILL");
    expect((await program.ended).code).toBe(EXIT_CODES.CRASH_LOOP);
    expect(await program.line(/isn't started again/)).toMatchObject({ level: "error" });
    expect(program.lines.filter(({ msg }) => /ended with/.test(msg))).toHaveLength(3);
  });

  it("starts none again once it is quiet", async () => {
    const { start, pids } = scene.current;
    const program = start(2);
    await program.line(/^All processes are ready/);
    program.kill("SIGTSTP");
    await program.line(/^Quiet \(got SIGTSTP\): claims nothing more/);
    process.kill(pids()[0]!, "SIGKILL");
    await program.line(/isn't started again: it was told to claim nothing more/);
    program.kill("SIGHUP");
    await program.line(/The others aren't replaced/);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(pids()).toHaveLength(2);
  });

  it("takes its processes with it when it is killed", async () => {
    const { queue, start, pids } = scene.current;
    const program = start(2);
    await program.line(/^All processes are ready/);
    const job = await queue.send(work, { act: "ignore-signals", milliseconds: 500 });
    await program.line(/^Started/, job.id);
    program.child.kill("SIGKILL");
    await expect.poll(() => pids().filter(isAlive), { timeout: 30_000 }).toEqual([]);
    expect(await queue.get(job)).toMatchObject({ state: "completed", attempt: 1, stalls: 0 });
  });

  it("reports a blocked process with its job, kills it in the end, and the job runs again", async () => {
    const { queue, start } = scene.current;
    const program = start(2, {
      watch: { blockedFor: "300ms", killBlockedAfter: "4s" },
      worker: { lease: "1s", pollInterval: "100ms", maintenanceInterval: "100ms" },
    });
    await program.line(/^All processes are ready/);
    const job = await queue.send(work, { act: "block", milliseconds: 30_000 });
    await program.line(/gives no sign for/);
    await program.line(/is killed: it has given no sign/);
    await program.line(/is started again/);
    await queue.wait(job, { timeout: "10s" });
    expect(await queue.get(job)).toMatchObject({ state: "completed", stalls: 1 });
  });
});

describe("--watch", () => {
  it("starts again when a file changes: running attempts are given back first", async () => {
    const { queue, run, pids } = scene.current;
    const app = await mkdtemp(join(FIXTURES, "watched-"));
    try {
      const config = join(app, "queue.config.ts");
      await writeFile(config, 'export { default } from "../queue.config.ts";\n');
      const program = run(["worker", "--watch", "--config", config]);
      await program.line(/^All processes are ready/);
      const job = await queue.send(work, { act: "sleep", milliseconds: 2_000 });
      await program.line(/^Started/, job.id);
      await mkdir(join(app, "node_modules"));
      await writeFile(join(app, "node_modules", "ignored.ts"), "");
      await writeFile(join(app, "handler.ts"), "export {};\n");
      expect((await program.line(/^Starting again/)).msg).toContain("handler.ts changed");
      expect((await program.line(/^Stopped/)).msg).toContain(`1 given back: ${job.id}`);
      await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(2);
      await queue.wait(job);
      expect(await queue.get(job)).toMatchObject({ attempt: 1, stalls: 0 });
    } finally {
      await rm(app, { recursive: true });
    }
  });
});
