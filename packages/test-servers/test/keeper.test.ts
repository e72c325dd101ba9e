import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startRedis } from "../src/index.ts";
import { processOf } from "./process-of.ts";
import { closed } from "./socket.ts";

/** A process that starts both servers, prints their URLs, and never stops them. */
async function forgetfulProcess() {
  const directory = await mkdtemp(join(tmpdir(), "queue-keeper-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  // The user that runs Postgres needs access to its directory inside.
  await chmod(directory, 0o755);
  const owner = spawn(process.execPath, [fileURLToPath(new URL("./forgetful.ts", import.meta.url))], {
    env: { ...process.env, TMPDIR: directory, REDIS_URL: "", DATABASE_URL: "" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [line] = await once(createInterface(owner.stdout), "line");
  return { owner, directory, urls: JSON.parse(line) as string[] };
}

test.for(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
  "a process that ends by %s leaves no server and no files",
  async (signal) => {
    const { owner, directory, urls } = await forgetfulProcess();
    const servers = Promise.all(urls.map(closed));
    // The keepers share the process's stderr, so it closes once they have ended too.
    const keepers = once(owner.stderr.resume(), "close");
    owner.kill(signal);
    await Promise.all([servers, keepers]);
    expect(await readdir(directory)).toEqual([]);
  },
);

test("a process that forgets to stop its servers still exits", async () => {
  const { owner, directory } = await forgetfulProcess();
  const keepers = once(owner.stderr.resume(), "close");
  owner.stdin.end();
  const [code] = await once(owner, "exit");
  expect(code).toBe(0);
  await keepers;
  expect(await readdir(directory)).toEqual([]);
});

test("a frozen server is killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "queue-keeper-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const redis = await startRedis({ directory });
  const pid = processOf(redis);
  process.kill(pid, "SIGSTOP");
  await redis.stop();
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("a server that can't start reports why, with its log", async () => {
  await expect(startRedis({ args: ["--maxmemory", "plenty"] })).rejects.toThrow(
    /redis-server ended with exit code 1: .*argument must be a memory value/s,
  );
});
