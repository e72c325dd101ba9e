import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const APP = fileURLToPath(new URL("../fixture-app", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../../..", import.meta.url));
const NEXT = fileURLToPath(new URL("../../node_modules/next/dist/bin/next", import.meta.url));
const STAMP = `${APP}/.next/queue-stamp`;

/** Builds the app unless nothing has changed since it was built. Takes ten seconds. */
export function buildFixtureApp(): void {
  const sources = [
    ...globSync("{app,lib}/**/*.{ts,tsx}", { cwd: APP }).map((path) => `${APP}/${path}`),
    ...["next.config.ts", "instrumentation.ts"].map((path) => `${APP}/${path}`),
    ...["core", "next-adapter"].flatMap((name) =>
      globSync("dist/**/*.js", { cwd: `${PACKAGES}/${name}` }).map((path) => `${PACKAGES}/${name}/${path}`),
    ),
  ].sort();
  const hash = createHash("sha256");
  for (const path of sources) hash.update(path).update(readFileSync(path));
  const stamp = hash.digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp) return;
  const { status, stdout, stderr } = spawnSync(process.execPath, [NEXT, "build", APP], {
    encoding: "utf8",
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
  });
  if (status !== 0) throw new Error(`The fixture app doesn't build:\n${stdout}\n${stderr}`);
  writeFileSync(STAMP, stamp);
}

export interface FixtureApp {
  readonly url: string;
  /** What it has printed. */
  readonly lines: readonly string[];
  /** How many streams it has open. */
  streams(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the built app. Without a `redisUrl` it has the embedded engine. */
export async function startFixtureApp({
  redisUrl,
  port,
  lifetime = "30s",
}: {
  readonly redisUrl?: string;
  readonly port?: number;
  readonly lifetime?: string;
} = {}): Promise<FixtureApp & { readonly port: number }> {
  const chosen = port ?? (await freePort());
  const child = spawn(
    process.execPath,
    [NEXT, "start", APP, "--port", String(chosen), "--hostname", "127.0.0.1"],
    {
      env: {
        ...process.env,
        NODE_ENV: "production",
        NEXT_TELEMETRY_DISABLED: "1",
        STREAM_LIFETIME: lifetime,
        ...(redisUrl === undefined ? { QUEUE_ENGINE: "memory" } : { REDIS_URL: redisUrl }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const lines: string[] = [];
  await ready(child, lines);
  const url = `http://127.0.0.1:${chosen}`;
  return {
    url,
    port: chosen,
    lines,
    streams: async () => ((await (await fetch(`${url}/api/streams`)).json()) as { streams: number }).streams,
    stop: () => stop(child),
  };
}

async function ready(child: ChildProcess, lines: string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface(stream).on("line", (line) => {
        lines.push(line);
        if (line.includes("Ready in")) resolve();
      });
    }
    child.once("exit", () => reject(new Error(`The fixture app ended:\n${lines.join("\n")}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
