import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { dockerContainer, dockerRun, missingEngine } from "../src/docker.ts";
import { startRedis } from "../src/index.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

const container = {
  image: "redis:7-alpine",
  port: 6379,
  env: { MODE: "test" },
  args: ["redis-server", "--save", ""],
  readyWhen: "Ready to accept connections",
  stopSignal: "SIGTERM",
  url: (port: number) => `redis://127.0.0.1:${port}`,
} as const;

/** Puts a program named `docker` first on the PATH. */
async function fakeDocker(script: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "queue-docker-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${directory}${delimiter}${process.env.PATH}`);
}

test("the container's port is published on loopback only", () => {
  expect(dockerRun(container, 40_001).join(" ")).toBe(
    "run --rm --publish 127.0.0.1:40001:6379 --env MODE=test redis:7-alpine redis-server --save ",
  );
});

test("without the client, or without an engine behind it, Docker is passed over", async () => {
  vi.stubEnv("PATH", "/nowhere");
  expect(await missingEngine()).toBe("no `docker` on the PATH");
  vi.unstubAllEnvs();
  await fakeDocker("echo 'Cannot connect to the Docker daemon' >&2; exit 1");
  expect(await missingEngine()).toBe("no engine answers");
});

test("an engine that hangs is passed over within seconds", async () => {
  await fakeDocker("exec sleep 60");
  expect(await missingEngine()).toBe("no engine answers");
});

test("an image that can't be pulled is a reason to try the next source", async () => {
  await fakeDocker('[ "$1" = version ] || { echo "pull access denied" >&2; exit 125; }');
  expect(await dockerContainer(container).start()).toEqual({
    unavailable: expect.stringContaining("pull access denied"),
  });
});

test("a container is a server like the others", async () => {
  // Stands in for the engine: runs the image's command on this machine, on the published port.
  await fakeDocker(
    '[ "$1" = version ] && exit 0; port=$(echo "$4" | cut -d: -f2); shift 5; exec "$@" --port "$port"',
  );
  const redis = await startRedis({ args: ["--maxclients", "50"] });
  expect(redis).toMatchObject({ source: "Docker", pid: undefined });
  const client = new Redis(redis.url);
  expect(await client.ping()).toBe("PONG");
  client.disconnect();
  await redis.stop();
});
