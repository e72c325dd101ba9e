import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { STEP_POINTS } from "../src/engine/step-budget.ts";
import type { RedisConnection } from "../src/redis/connection/connection.ts";
import type { Script } from "../src/redis/connection/script.ts";

/** The part of every script that reads the server's clock, as the bases in `lua/lib` have it. */
const SERVER_TIME = /local time = redis\.call\('TIME'\)\nlocal now = .*/;
const FAKE_TIME = "local now = tonumber(redis.call('GET', KEYS[1] .. 'clock'))";

/** What a step may spend on dependents, as `lua/lib/lifecycle/cascade.lua` has it. */
const STEP = /local points = \d+/;

const faked = new Map<string, Script>();

function withFakeTime(script: Script, points: number): Script {
  const name = `${script.name} ${points}`;
  let fake = faked.get(name);
  if (!fake) {
    const inFakeTime = script.text.replace(SERVER_TIME, FAKE_TIME);
    if (inFakeTime === script.text)
      throw new Error(`${script.name} doesn't read the clock as the others do.`);
    const text = inFakeTime.replace(STEP, `local points = ${points}`);
    if (inFakeTime.includes("continue_pending") && !STEP.test(inFakeTime))
      throw new Error(`${script.name} doesn't set the points of a step as the others do.`);
    fake = { name: script.name, sha: createHash("sha1").update(text).digest("hex"), text };
    faked.set(name, fake);
  }
  return fake;
}

/** A connection whose scripts live in a time that a test advances, and may spend so much in a step. */
export class FakeTimeConnection implements RedisConnection {
  readonly #inner: RedisConnection;
  readonly #admin: Redis;
  readonly #clock: string;
  readonly #points: number;

  constructor(inner: RedisConnection, admin: Redis, prefix: string, points = STEP_POINTS) {
    this.#inner = inner;
    this.#admin = admin;
    this.#clock = `${prefix}clock`;
    this.#points = points;
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
    return this.#inner.run(withFakeTime(script, this.#points), args);
  }

  listen(channel: string, onMessage: (message: string) => void, onGap?: () => void) {
    return this.#inner.listen(channel, onMessage, onGap);
  }

  delivered(): Promise<void> {
    return this.#inner.delivered();
  }

  diagnose() {
    return this.#inner.diagnose();
  }

  ping(): Promise<number> {
    return this.#inner.ping();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
