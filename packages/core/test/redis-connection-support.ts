import { createHash } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { isQueueError } from "../src/errors/index.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import type { Script } from "../src/redis/connection/script.ts";
import { type RedisEngineOptions, resolveRedisOptions } from "../src/redis/redis-options.ts";

export function script(name: string, text: string): Script {
  return { name, text, sha: createHash("sha1").update(text).digest("hex") };
}

export const increment = script("increment", "return redis.call('INCR', KEYS[1] .. ARGV[1])");
export const read = script("read", "return redis.call('GET', KEYS[1] .. ARGV[1])");
export const one = script("one", "return 1");

/** Undone after each test, the latest first. */
export const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let count = 0;
export let prefix = "";
beforeEach(() => {
  prefix = `{test-${process.pid}-${++count}}:`;
});

export function open(
  options: RedisEngineOptions,
  { prefix: own = prefix, ...more }: { prefix?: string; checkInterval?: number } = {},
) {
  const connection = new IoredisConnection({ ...resolveRedisOptions(options), ...more }, own);
  cleanups.push(() => connection.close());
  return connection;
}

/** A plain client, to look at the server from outside. */
export function outside(url: string): Redis {
  const client = new Redis(url);
  client.on("error", () => {});
  cleanups.push(() => client.disconnect());
  return client;
}

export function until<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 15_000, interval: 5 });
}

export async function errorOf(
  promise: Promise<unknown>,
): Promise<{ code: string; retryable: boolean; message: string }> {
  try {
    await promise;
  } catch (error) {
    if (!isQueueError(error)) throw error;
    return error;
  }
  throw new Error("It didn't reject.");
}

export const codeOf = async (promise: Promise<unknown>) => (await errorOf(promise)).code;

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** Listens, and hands each connection to `onSocket`. */
export async function serve(onSocket: (socket: Socket) => void): Promise<{ url: string; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `redis://127.0.0.1:${port}`, server };
}

/** A server in front of a server, that can change what the other says, and fall silent. */
export async function startProxy(target: string, change: (reply: string) => string = (reply) => reply) {
  let connections = 0;
  let silent = 0;
  const { url } = await serve((near) => {
    const number = ++connections;
    const speaks = () => number > silent;
    const far = connect(portOf(target), "127.0.0.1");
    far.on("error", () => near.destroy());
    far.on("data", (data) => speaks() && near.write(change(data.toString("latin1")), "latin1"));
    far.on("close", () => near.destroy());
    near.on("data", (data) => speaks() && far.write(data));
    near.on("close", () => far.destroy());
  });
  return {
    url,
    /** The connections that are open; those made later speak again. */
    fallSilent() {
      silent = connections;
    },
    countConnections: () => connections,
  };
}

/** Calls arrive at the server, and are answered only after `resume`. */
export async function holdWrites(admin: Redis) {
  await admin.client("PAUSE", 60_000, "WRITE");
  const resume = () => admin.client("UNPAUSE");
  cleanups.push(() => resume().catch(() => {}));
  const arrived = () =>
    until(async () => expect(await admin.info("clients")).toMatch(/^blocked_clients:[1-9]/m));
  return { arrived, resume };
}
