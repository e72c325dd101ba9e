import { expect, test } from "vitest";
import { memoryEngine } from "../src/memory/index.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";
import { FakeClock } from "../src/testing/index.ts";

// What the conformance suite can't ask of an engine on a server: instants to the millisecond, and a day's wait.

const LEASE = 1_000;
const claim = { queues: ["default"], limit: 10, lease: LEASE };

function start(options: { readonly tombstones?: { readonly age?: number; readonly count?: number } } = {}) {
  const clock = new FakeClock();
  const engine = memoryEngine({ clock, ...options });
  const send = async (job: Parameters<typeof newJob>[0]) => {
    const [outcome] = await engine.core.enqueue([{ jobs: [newJob({ queue: "default", ...job })] }]);
    return outcome!;
  };
  /** Sends a job, removes it, and so leaves its tombstone. */
  const bury = async (id: string) => {
    await send({ id });
    await engine.operate.remove([{ id }]);
  };
  const isKnown = async (id: string) => {
    const outcome = await send({ id: `${id}-asked-${clock.now()}-${Math.random()}`, dependsOn: [id] });
    return outcome.ok;
  };
  return { clock, engine, send, bury, isKnown };
}

test("a delayed job becomes due at its time, and not a millisecond before", async () => {
  const { clock, engine, send } = start();
  await send({ id: "a", delay: 20 });
  await clock.advance(19);
  expect((await engine.core.claim(claim)).jobs).toEqual([]);
  await clock.advance(1);
  expect((await engine.core.claim(claim)).jobs).toMatchObject([{ id: "a" }]);
});

test("a lease ends at its time, and not a millisecond before", async () => {
  const { clock, engine, send } = start();
  await send({ id: "a" });
  await engine.core.claim(claim);
  await clock.advance(LEASE - 1);
  expect((await engine.core.recover()).requeued).toBe(0);
  await clock.advance(1);
  expect((await engine.core.recover()).requeued).toBe(1);
});

test("a tombstone is forgotten after its age", async () => {
  const { clock, engine, bury, isKnown } = start({ tombstones: { age: 60_000 } });
  await bury("a");
  await clock.advance(59_999);
  await engine.core.recover();
  expect(await isKnown("a")).toBe(true);
  await clock.advance(1_001);
  await engine.core.recover();
  expect(await isKnown("a")).toBe(false);
});

test("the oldest tombstones are forgotten beyond their count", async () => {
  const { bury, isKnown } = start({ tombstones: { count: 2 } });
  for (const id of ["a", "b", "c"]) await bury(id);
  expect(await isKnown("a")).toBe(false);
  expect(await isKnown("b")).toBe(true);
  expect(await isKnown("c")).toBe(true);
});

test("a hold on a job that only its tombstone remembers is cancelled: nobody could ever release it", async () => {
  const { engine, send, bury } = start();
  await bury("a");
  await send({ id: "b", dependsOn: [{ job: "a", onFailure: "hold" }] });
  expect(await engine.inspect.get([{ id: "b" }])).toMatchObject([{ state: "cancelled" }]);
});

test("with thousands of cancelled jobs gone from it, an empty queue makes its workers wait", async () => {
  const { clock, engine, send } = start();
  const ids = Array.from({ length: 2_000 }, (_, index) => `job-${index}`);
  for (const id of ids) await send({ id });
  await engine.operate.cancel(
    ids.map((id) => ({ id })),
    "not needed",
  );
  expect((await engine.core.claim(claim)).jobs).toEqual([]);
  let woke = false;
  const { signal } = new AbortController();
  const wait = engine.core.waitForWork({ queues: ["default"], timeout: 1_000, signal }).then(() => {
    woke = true;
  });
  await clock.advance(999);
  expect(woke).toBe(false);
  await clock.advance(1);
  await wait;
});

test("a tombstone that its own step would push out still decides for all of the step's jobs", async () => {
  const { engine, send } = start({ tombstones: { count: 1 } });
  const retain = { completed: { age: 0, count: 0 }, failed: { age: 0, count: 0 } };
  await send({ id: "f" });
  await engine.operate.cancel([{ id: "f" }], "no");
  await engine.operate.remove([{ id: "f" }]);
  const dependent = (id: string) => newJob({ id, queue: "default", dependsOn: ["f"], retain });
  const { isOk } = await engine.core
    .enqueue([{ jobs: [dependent("x"), dependent("y")] }])
    .then(([outcome]) => ({ isOk: outcome!.ok }));
  expect(isOk).toBe(true);
  expect((await engine.core.claim(claim)).jobs).toEqual([]);
});

test("thousands of jobs cancelled behind a held key are swept out, and one of them keeps its place", async () => {
  const { engine, send } = start();
  const ordering = { orderingKey: "k", onOrderingFailure: "hold" } as const;
  await send({ id: "head", ...ordering });
  const ids = Array.from({ length: 3_000 }, (_, index) => `job-${index}`);
  for (const id of ids) await send({ id, ...ordering });
  const [head] = (await engine.core.claim(claim)).jobs;
  const outcome = { ...head!, type: "fail", error: "{}" } as const;
  await engine.core.settle({ outcomes: [outcome] });
  await engine.operate.cancel(
    ids.slice(0, -1).map((id) => ({ id })),
    "not needed",
  );
  await engine.operate.retry([{ id: "job-1500" }]);
  expect((await engine.core.claim(claim)).jobs).toEqual([]);
  await engine.operate.retry([{ id: "head" }]);
  for (const id of ["head", "job-1500", "job-2999"]) {
    const [job] = (await engine.core.claim(claim)).jobs;
    expect(job).toMatchObject({ id });
    await engine.core.settle({ outcomes: [{ ...job!, type: "complete" }] });
  }
});

test("thousands of cancelled jobs leave the ones between them runnable, in order", async () => {
  const { engine, send } = start();
  const ids = Array.from({ length: 5_000 }, (_, index) => `job-${index}`);
  for (const id of ids) await send({ id });
  await engine.operate.cancel(
    ids.filter((_, index) => index % 1_000 !== 0).map((id) => ({ id })),
    "not needed",
  );
  const { jobs: claimed } = await engine.core.claim(claim);
  expect(claimed.map(({ id }) => id)).toEqual(["job-0", "job-1000", "job-2000", "job-3000", "job-4000"]);
  expect((await engine.core.claim(claim)).jobs).toEqual([]);
});
