import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  fromWire,
  type JobEvent,
  type JobSnapshot,
  type Queue,
  reportFromWire,
  toWire,
  UnrecoverableError,
} from "../src/index.ts";

const date = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (value) => value.toISOString(),
});
const bigint = z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String });
const scan = defineMessage("SCAN", {
  data: z.object({ since: date, cursor: bigint.optional(), isBad: z.boolean() }),
  result: z.object({ last: bigint, at: date }),
  progress: bigint,
  retry: { attempts: 2, backoff: { type: "fixed", delay: 0 } },
});
const nothing = defineMessage("NOTHING", { data: z.void() });
const pay = defineMessage("PAY", {
  data: z.object({ card: z.object({ number: z.string(), holder: z.string() }), amount: z.number() }),
  result: z.object({ receipt: z.int() }),
  sensitive: { data: ["card.number"], result: true },
});
const registry = createRegistry([scan, nothing, pay]);

type Messages = typeof scan | typeof nothing | typeof pay;

const overJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

async function withQueue(test: (queue: Queue<Messages>) => Promise<void>): Promise<void> {
  const queue = createQueue({ registry, logger: { warn() {}, error() {} } });
  const worker = createWorker(queue)
    .handle(scan, async ({ data, progress, log, job }) => {
      progress(5n);
      log("half way");
      if (data.isBad) throw job.attempt === 1 ? new Error("flaky") : new UnrecoverableError("gone");
      return { last: 2n ** 70n, at: data.since };
    })
    .handle(nothing, () => {})
    .handle(pay, async () => ({ receipt: 7 }));
  await worker.start();
  try {
    await test(queue);
  } finally {
    await worker.stop();
    await queue.close();
  }
}

async function snapshotOf(queue: Queue<Messages>, job: { id: string }): Promise<JobSnapshot<Messages>> {
  await queue.wait(job.id).catch(() => {});
  return (await queue.get(job.id))!;
}

describe("a snapshot", () => {
  test("is the same after a journey over JSON, with its dates and bigints", () =>
    withQueue(async (queue) => {
      const data = { since: new Date(1_000), cursor: 2n ** 65n, isBad: false };
      const job = await queue.send(scan, data, { userId: "u", metadata: { since: "2026-01-01T00:00:00Z" } });
      const snapshot = await snapshotOf(queue, job);
      const wire = overJson(toWire(snapshot));
      expect(wire).toMatchObject({
        data: { since: "1970-01-01T00:00:01.000Z", cursor: "36893488147419103232", isBad: false },
        result: { last: "1180591620717411303424", at: "1970-01-01T00:00:01.000Z" },
        progress: "5",
        sentAt: snapshot.sentAt.toISOString(),
      });
      const back = await fromWire(wire, registry);
      expect(back).toStrictEqual(snapshot);
      expect(back.messageType === "SCAN" && back.result?.last).toBe(2n ** 70n);
      expect(back.logs[0]?.at).toBeInstanceOf(Date);
    }));

  test("keeps its errors and failed attempts", () =>
    withQueue(async (queue) => {
      const job = await queue.send(scan, { since: new Date(0), isBad: true });
      const snapshot = await snapshotOf(queue, job);
      expect(snapshot.failures).toHaveLength(2);
      const back = await fromWire(overJson(toWire(snapshot)), registry);
      expect(back).toStrictEqual(snapshot);
      expect(back.error).toMatchObject({ code: "UNRECOVERABLE", message: "gone" });
      expect(back.failures[0]?.startedAt).toBeInstanceOf(Date);
    }));

  test("may have neither data nor result", () =>
    withQueue(async (queue) => {
      const snapshot = await snapshotOf(queue, await queue.send(nothing, undefined));
      expect(await fromWire(overJson(toWire(snapshot)), registry)).toStrictEqual(snapshot);
    }));

  test("of a message that the registry doesn't know stays plain JSON", () =>
    withQueue(async (queue) => {
      const job = await queue.send(scan, { since: new Date(0), isBad: false }, { delay: "1h" });
      const wire = overJson(toWire((await queue.get(job.id))!));
      const back = await fromWire(wire as never, createRegistry([pay]));
      expect(back).toMatchObject({ raw: true, data: { since: "1970-01-01T00:00:00.000Z" } });
    }));

  test("has what is sensitive masked, unless it is asked for", () =>
    withQueue(async (queue) => {
      const data = { card: { number: "4111", holder: "Ada" }, amount: 3 };
      const snapshot = await snapshotOf(queue, await queue.send(pay, data));
      const wire = toWire(snapshot);
      expect(JSON.stringify(wire)).not.toContain("4111");
      expect(wire).toMatchObject({
        data: { card: { number: "[redacted]", holder: "Ada" }, amount: 3 },
        result: "[redacted]",
      });
      // The contract can't read the result's mask.
      const back = await fromWire(overJson(wire), registry);
      expect(back).toMatchObject({ raw: true, data: { amount: 3 }, result: "[redacted]" });

      const shown = toWire(snapshot, { sensitive: "show" });
      expect(shown.data).toEqual(data);
      expect(await fromWire(overJson(shown), registry)).toStrictEqual(snapshot);
    }));

  test("of an event has its details as they travel, and masked where they are sensitive", () =>
    withQueue(async (queue) => {
      const events: JobEvent<Messages>[] = [];
      await queue.subscribe((event) => void events.push(event), {
        types: ["completed", "progress"],
        detail: true,
      });
      await queue.wait(await queue.send(pay, { card: { number: "4111", holder: "Ada" }, amount: 3 }));
      await queue.wait(await queue.send(scan, { since: new Date(0), cursor: 1n, isBad: false }));
      await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ messageType: "SCAN", type: "completed" }));
      const [paid, scanned] = [events[0]!, events.at(-1)!];
      expect(paid).toMatchObject({ result: { receipt: 7 }, raw: false });
      expect(toWire(paid)).toMatchObject({ id: paid.id, result: "[redacted]" });
      expect(toWire(paid, { sensitive: "show" })).toMatchObject({ result: { receipt: 7 } });
      expect(scanned).toMatchObject({ result: { last: 2n ** 70n, at: new Date(0) } });
      expect(toWire(scanned)).toMatchObject({
        result: { last: String(2n ** 70n), at: "1970-01-01T00:00:00.000Z" },
      });
      expect(() => toWire({ ...scanned })).toThrow("not a copy");
    }));

  test("of an older version is masked as a whole, since paths are those of the current one", async () => {
    const { memoryEngine } = await import("../src/index.ts");
    const engine = memoryEngine();
    const old = defineMessage("PAY", { data: z.object({ cardNumber: z.string() }) });
    const producer = createQueue({ registry: createRegistry([old]), engine });
    const { id } = await producer.send(old, { cardNumber: "4111" });
    const current = defineMessage("PAY", {
      version: 2,
      upcast: { 1: ({ cardNumber }) => ({ card: { number: cardNumber } }) },
      data: z.object({ card: z.object({ number: z.string() }) }),
      sensitive: { data: ["card.number"] },
    });
    const queue = createQueue({ registry: createRegistry([current]), engine });
    const snapshot = (await queue.get(id))!;
    expect(snapshot.data).toEqual({ card: { number: "4111" } });
    expect(toWire(snapshot).data).toBe("[redacted]");
    const shown = toWire(snapshot, { sensitive: "show" });
    expect(await fromWire(overJson(shown), createRegistry([current]))).toStrictEqual(snapshot);
    await queue.close();
    await producer.close();
  });

  test("is refused as a copy, which has lost what it was read from", () =>
    withQueue(async (queue) => {
      const snapshot = await snapshotOf(queue, await queue.send(nothing, undefined));
      expect(() => toWire({ ...snapshot })).toThrow(
        "toWire: expected a snapshot or an event as the queue returned it, not a copy.",
      );
    }));
});

describe("a report", () => {
  test("has its dates again after a journey over JSON", () =>
    withQueue(async (queue) => {
      const done = await queue.send(nothing, undefined);
      await done.wait();
      const delayed = await queue.send(nothing, undefined, { delay: "1h" });
      const reports = [
        await queue.stats(),
        await queue.health(),
        await queue.explain(done),
        await queue.explain(delayed),
        ...(await queue.workers()),
      ];
      expect(reports).toHaveLength(5);
      for (const report of reports) {
        const wire = overJson(toWire(report));
        expect(wire).not.toStrictEqual(report);
        expect(reportFromWire(wire)).toStrictEqual(report);
      }
    }));

  test("may be an event", () => {
    const event = {
      type: "completed",
      id: "a",
      queue: "q",
      messageType: "SCAN",
      epoch: 1,
      at: new Date(5),
    } as const;
    expect(reportFromWire(overJson(toWire(event)))).toStrictEqual(event);
  });
});

test("snapshots inside of other values are refused, since they would keep what is sensitive", async () => {
  await withQueue(async (queue) => {
    const job = await queue.send(pay, { card: { number: "4111", holder: "Ada" }, amount: 1 });
    await job.wait();
    const page = await queue.list();
    const snapshot = await queue.get(job);
    for (const value of [page, page.jobs, { job: snapshot }, { deep: [{ job: { ...snapshot } }] }]) {
      expect(() => toWire(value as never)).toThrow(/got a value that contains some\. Convert each/);
    }
    for (const value of [null, undefined, "job"]) {
      expect(() => toWire(value as never)).toThrow(/expected a snapshot or a report, got/);
    }
    expect(JSON.stringify(page.jobs.map((each) => toWire(each)))).not.toContain("4111");
  });
});
