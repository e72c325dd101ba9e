import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import {
  createRegistry,
  DEFAULT_LIMITS,
  defineMessage,
  isQueueError,
  type Message,
} from "../src/contract/index.ts";
import { decodeData, encodePayload } from "../src/contract/payload.ts";
import { memoryEngine } from "../src/memory/index.ts";
import { createQueue } from "../src/queue/queue.ts";
import {
  hasProtoKey,
  hostileOption,
  hostileText,
  hostileValue,
  PROXIES,
  replayParameters,
  TRAPS,
} from "../src/testing/model/index.ts";

const strict = defineMessage("STRICT", {
  data: z.strictObject({ planId: z.uuid(), name: z.string().min(1), weeks: z.int().positive() }),
  queue: "bad-input",
});
const loose = defineMessage("LOOSE", { data: z.record(z.string(), z.unknown()), queue: "bad-input" });
const open = defineMessage("OPEN", {
  version: 2,
  upcast: { 1: (data: { deep: { field: string } }) => data.deep.field.trim() },
  data: z.any(),
  queue: "bad-input",
  orderingKey: (data) => data.planId,
});
const foreign = defineMessage("FOREIGN", {
  data: { "~standard": { version: 1, vendor: "example", validate: (value: unknown) => ({ value }) } },
  queue: "bad-input",
});
const registry = createRegistry([strict, loose, open, foreign]);
const messageName = fc.constantFrom(...registry.messages.map(({ name }) => name));

function messageOf(name: string): Message {
  return registry.get(name)!;
}

/** What it came to: a value, or one of this library's errors. Anything else is thrown on. */
async function outcomeOf<T>(run: () => T | Promise<T>): Promise<{ value: T } | { code: string }> {
  try {
    return { value: await run() };
  } catch (error) {
    if (isQueueError(error)) return { code: error.code };
    throw new Error(`Not an error of this library: ${String(error)}`, { cause: error });
  }
}

const parameters = (numRuns: number) => ({ numRuns, ...replayParameters() });
const pollution = () => Object.keys(Object.prototype).length;

afterEach(() => {
  expect(pollution()).toBe(0);
});

/** No text stands for undefined. */
const readData = (json: string): unknown => (json === "" ? undefined : JSON.parse(json));

describe("malformed data", { timeout: 60_000 }, () => {
  test("1,000 values are sent: what isn't refused with a typed error is stored as clean JSON", async () => {
    const engine = memoryEngine();
    const queue = createQueue({ registry, engine });
    let stored = 0;
    await fc.assert(
      fc.asyncProperty(messageName, hostileValue, async (name, data) => {
        const outcome = await outcomeOf(() => queue.send(messageOf(name) as never, data.build() as never));
        const jobs = (await engine.queues.counts()).reduce(
          (sum, { states }) => sum + states.queued + states.blocked,
          0,
        );
        if ("code" in outcome) {
          expect(["INVALID_DATA", "PAYLOAD_TOO_LARGE"]).toContain(outcome.code);
          expect(jobs).toBe(stored);
          return;
        }
        expect(jobs).toBe(++stored);
        expect(name).not.toBe("STRICT");
        const [record] = await engine.inspect.get([{ id: outcome.value.id }]);
        const { data: json } = record!.envelope;
        expect(Buffer.byteLength(json)).toBeLessThanOrEqual(DEFAULT_LIMITS.data);
        expect(hasProtoKey(readData(json))).toBe(false);
      }),
      parameters(1_000),
    );
    await queue.close();
  });

  test("1,000 values are encoded as a result", async () => {
    await fc.assert(
      fc.asyncProperty(messageName, hostileValue, async (name, value) => {
        const { codecs } = messageOf(name);
        const outcome = await outcomeOf(() =>
          encodePayload("result", codecs.data, value.build(), 1_000, "INVALID_RESULT"),
        );
        if ("code" in outcome)
          expect(outcome.code).toMatch(/^(INVALID_RESULT|INVALID_DATA|PAYLOAD_TOO_LARGE)$/);
        else expect(Buffer.byteLength(outcome.value)).toBeLessThanOrEqual(1_000);
      }),
      parameters(1_000),
    );
  });

  test("1,000 texts are decoded: no __proto__ key comes out", async () => {
    await fc.assert(
      fc.asyncProperty(messageName, fc.constantFrom(1, 2, 3), hostileText, async (name, version, json) => {
        const outcome = await outcomeOf(() => decodeData(messageOf(name), version, json));
        if ("code" in outcome) {
          expect(outcome.code).toMatch(/^(INVALID_DATA|PAYLOAD_TOO_LARGE|UNSUPPORTED_VERSION)$/);
        } else expect(hasProtoKey(outcome.value)).toBe(false);
      }),
      parameters(1_000),
    );
  });

  test("every trap by itself, on every message", async () => {
    const engine = memoryEngine();
    const queue = createQueue({ registry, engine });
    for (const message of registry.messages) {
      for (const trap of [...TRAPS, ...PROXIES])
        await outcomeOf(() => queue.send(message as never, trap() as never));
    }
    const { jobs } = await engine.inspect.list({ fields: "full", limit: 1_000 });
    for (const { envelope } of jobs) expect(hasProtoKey(readData(envelope.data))).toBe(false);
    await queue.close();
  });
});

describe("malformed calls", { timeout: 60_000 }, () => {
  const option = fc.constantFrom(
    "id",
    "userId",
    "metadata",
    "delay",
    "priority",
    "attempts",
    "dedupe",
    "dependsOn",
    "__proto__",
    "unknown",
  );
  const valid = { planId: "9b2f7a52-5f0f-4b3c-8f5e-2f7d3f6f0a11", name: "Strength", weeks: 12 };

  test("1,000 sends with one option replaced give a typed error, or a job", async () => {
    const engine = memoryEngine();
    const queue = createQueue({ registry, engine });
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(option, hostileOption, async (name, value) => {
        const options = JSON.parse(`{${JSON.stringify(name)}:null}`);
        Object.defineProperty(options, name, { value: value.build(), enumerable: true });
        const outcome = await outcomeOf(() => queue.send(strict, valid, options));
        if ("value" in outcome && outcome.value.created) accepted++;
        else if ("code" in outcome) {
          expect(outcome.code).toMatch(
            /^(INVALID_OPTIONS|INVALID_DATA|PAYLOAD_TOO_LARGE|DEPENDENCY_NOT_FOUND)$/,
          );
        }
        const counts = await engine.queues.counts();
        const stored = counts.flatMap(({ states }) => Object.values(states)).reduce((sum, n) => sum + n, 0);
        expect(stored).toBe(accepted);
      }),
      parameters(1_000),
    );
    await queue.close();
  });

  test("1,000 batches with one bad item give a typed error, and none of their jobs is stored", async () => {
    const engine = memoryEngine();
    const queue = createQueue({ registry, engine });
    const good = { message: strict, data: valid };
    const places = {
      item: (value: unknown) => value,
      data: (data: unknown) => ({ message: strict, data }),
      message: (message: unknown) => ({ message, data: valid }),
      dependsOn: (dependsOn: unknown) => ({ ...good, options: { dependsOn } }),
      dependency: (dependency: unknown) => ({ ...good, options: { dependsOn: [dependency] } }),
      ref: (ref: unknown) => ({ ...good, options: { dependsOn: [{ ref }] } }),
    };
    const place = fc.constantFrom(...(Object.keys(places) as (keyof typeof places)[]));
    await fc.assert(
      fc.asyncProperty(place, hostileOption, fc.nat(2), async (where, made, at) => {
        const value = made.build();
        const items = [good, good].toSpliced(at, 0, places[where](value) as typeof good);
        const outcome = await outcomeOf(() => queue.sendMany(items as never));
        const { jobs } = await engine.inspect.list({ fields: "summary", limit: 10 });
        if ("code" in outcome) expect(jobs).toEqual([]);
        else {
          // No list of dependencies, or an empty one, is as good as none.
          expect(where).toBe("dependsOn");
          expect(value ?? []).toEqual([]);
          await engine.operate.remove(jobs);
        }
      }),
      parameters(1_000),
    );
    await queue.close();
  });
});
