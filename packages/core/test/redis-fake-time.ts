import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import type { RedisConnection } from "../src/redis/connection.ts";
import type { Script } from "../src/redis/script.ts";

/** The part of every script that reads the server's clock, as `lua/lib/time.lua` has it. */
const SERVER_TIME = /local function now_ms\(\)\n[\s\S]*?\nend/;
const FAKE_TIME = "local function now_ms()\nreturn tonumber(redis.call('GET', KEYS[1] .. 'clock'))\nend";

const faked = new Map<string, Script>();

function withFakeTime(script: Script): Script {
  let fake = faked.get(script.name);
  if (!fake) {
    const text = script.text.replace(SERVER_TIME, FAKE_TIME);
    if (text === script.text) throw new Error(`${script.name} doesn't read the clock as the others do.`);
    fake = { name: script.name, sha: createHash("sha1").update(text).digest("hex"), text };
    faked.set(script.name, fake);
  }
  return fake;
}

/** A connection whose scripts live in a time that a test advances. */
export class FakeTimeConnection implements RedisConnection {
  readonly #inner: RedisConnection;
  readonly #admin: Redis;
  readonly #clock: string;

  constructor(inner: RedisConnection, admin: Redis, prefix: string) {
    this.#inner = inner;
    this.#admin = admin;
    this.#clock = `${prefix}clock`;
  }

  async start(now: number): Promise<void> {
    await this.#admin.set(this.#clock, now);
  }

  async advance(milliseconds: number): Promise<void> {
    await this.#admin.incrby(this.#clock, milliseconds);
  }

  get problem() {
    return this.#inner.problem;
  }

  run(script: Script, args: readonly (string | number)[]): Promise<unknown> {
    return this.#inner.run(withFakeTime(script), args);
  }

  listen(channel: string, onMessage: (message: string) => void, onGap?: () => void) {
    return this.#inner.listen(channel, onMessage, onGap);
  }

  ping(): Promise<number> {
    return this.#inner.ping();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
