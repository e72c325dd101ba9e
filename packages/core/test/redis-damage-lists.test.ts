import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { createQueue, createRegistry, defineMessage } from "../src/index.ts";
import { redisEngine } from "../src/redis/index.ts";
import { retain } from "../src/testing/conformance/new-job.ts";
import { type Bench, claim, complete, open, PREFIX, send } from "./redis-damage-support.ts";

/** What is left where one of two structures that belong together is deleted: counts, and jobs that must not run. */

const FRESH = `${PREFIX}fresh:jobs`;
const GHOSTS = `${PREFIX}ghosts:jobs`;

let server: TestServer;

beforeAll(async () => {
  server = await startRedis();
}, 180_000);

afterAll(async () => {
  await server?.stop();
});

/** Runs on an empty database of its own. */
async function on(database: number, run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await open(server.url, database);
  try {
    await run(bench);
  } finally {
    await bench.close();
  }
}

const keys = (...ids: readonly string[]) => ids.map((id) => ({ id }));
const cancel = ({ engine }: Bench, ...ids: readonly string[]) => engine.operate.cancel(keys(...ids), "no");
const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);

async function queued({ engine }: Bench): Promise<number | undefined> {
  const all = await engine.queues.counts();
  for (const { states } of all) for (const n of Object.values(states)) expect(n).toBeGreaterThanOrEqual(0);
  const { count } = await engine.inspect.count({ states: ["queued"] });
  expect(count).toBe(all[0]?.states.queued);
  return all[0]?.states.queued;
}

/** Turns of maintenance, each of which audits. */
async function audit({ engine, elapse }: Bench, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await engine.core.recover();
    await elapse(1_000);
  }
}

/** Fresh jobs of which three in the middle are cancelled, so that their entries stay. */
async function sendSome(bench: Bench): Promise<void> {
  await send(bench, ...["a", "b", "c", "d", "e", "f"].map((id) => ({ id })));
  await cancel(bench, "b", "c", "e");
}

describe("a list of fresh jobs that is deleted while cancelled ones stood in it", () => {
  test("leaves no negative count", () =>
    on(1, async (bench) => {
      await sendSome(bench);
      expect(await queued(bench)).toBe(3);
      await bench.admin.del(FRESH);
      expect(await queued(bench)).toBe(0);
      await send(bench, { id: "g" });
      expect(await queued(bench)).toBe(1);
      await audit(bench, 3);
      expect(await queued(bench)).toBe(4);
      expect(ids(await claim(bench, ["jobs"]))).toEqual(["a", "d", "f", "g"]);
    }));

  test("leaves no negative count in a split queue", () =>
    on(2, async (bench) => {
      const message = "OTHER";
      await send(bench, { id: "x" }, { id: "y", messageType: message }, { id: "z", messageType: message });
      const handles = [{ message: "TEST_MESSAGE", version: 1 }];
      await bench.engine.core.claim({ queues: ["jobs"], limit: 9, lease: 5_000, handles });
      await send(bench, { id: "v", messageType: message }, { id: "w", messageType: message });
      await cancel(bench, "y", "v");
      await bench.admin.del(FRESH, `${FRESH}/${message}@1`);
      expect(await queued(bench)).toBe(0);
      await audit(bench, 3);
      expect(await queued(bench)).toBe(2);
      expect(await bench.admin.exists(GHOSTS)).toBe(0);
    }));

  test("lets the queue be forgotten, and be waited for", () =>
    on(3, async (bench) => {
      await sendSome(bench);
      await bench.admin.del(FRESH);
      await send(bench, { id: "g" });
      await bench.engine.core.waitForWork({
        queues: ["jobs"],
        timeout: 20_000,
        signal: new AbortController().signal,
      });
      await bench.engine.operate.remove(keys("a", "b", "c", "d", "e", "f", "g"));
      expect(await bench.engine.queues.forget("jobs")).toBe(true);
      expect(await bench.admin.keys(`${PREFIX}*:jobs`)).toEqual([]);
    }));
});

test("a queue that can't be forgotten yet still counts its jobs", () =>
  on(11, async (bench) => {
    const gone = Array.from({ length: 1_000 }, (_, index) => ({ id: `gone-${index}` }));
    await send(bench, ...gone, { id: "a" });
    await bench.admin.del(...gone.map(({ id }) => `${PREFIX}job:${id}`));
    await bench.admin.sadd(GHOSTS, ...ids(gone));
    expect(await bench.engine.queues.forget("jobs")).toBe(false);
    expect(await queued(bench)).toBe(1);
    expect(ids(await claim(bench, ["jobs"]))).toEqual(["a"]);
  }));

describe("cancelled jobs don't run, even if the set of their entries is deleted", () => {
  test.each(["plain", "with metadata", "with a dedupe key", "with a dependency", "with an ordering key"])(
    "%s",
    (kind) =>
      on(4, async (bench) => {
        const terms = {
          plain: {},
          "with metadata": { envelope: { userId: "u" } },
          "with a dedupe key": { dedupe: { key: "M:k", window: 0 } },
          "with a dependency": { dependsOn: ["done"] },
          "with an ordering key": { orderingKey: "k" },
        }[kind];
        await send(bench, { id: "done" });
        await complete(bench, await claim(bench, ["jobs"]));
        await send(bench, { id: "first" }, { id: "a", ...terms }, { id: "last" });
        await cancel(bench, "a");
        await bench.admin.del(GHOSTS);
        expect(
          ids(
            (await bench.engine.inspect.list({ filter: { states: ["queued"] }, fields: "summary", limit: 9 }))
              .jobs,
          ),
        ).toEqual(["last", "first"]);
        expect(ids(await claim(bench, ["jobs"]))).toEqual(["first", "last"]);
        const [record] = await bench.engine.inspect.get(keys("a"));
        expect(record).toMatchObject({
          state: "cancelled",
          dependsOn: (terms as { dependsOn?: [] })?.dependsOn ? [{ job: "done" }] : [],
        });
        expect(record!.envelope.userId).toBe(kind === "with metadata" ? "u" : undefined);
        expect((await bench.engine.core.health()).damage).toMatchObject([{ subject: "ghosts:jobs" }]);
      }),
  );

  test("a cancelled job that is retried runs once, with its own epoch", () =>
    on(5, async (bench) => {
      await send(bench, { id: "first" }, { id: "a", dedupe: { key: "M:k", window: 0 } }, { id: "b" });
      await cancel(bench, "a");
      await bench.admin.del(GHOSTS);
      await bench.engine.operate.retry(keys("a"));
      const jobs = await claim(bench, ["jobs"]);
      expect(jobs.map(({ id, epoch }) => [id, epoch]).toSorted()).toEqual([
        ["a", 2],
        ["b", 1],
        ["first", 1],
      ]);
      await complete(bench, jobs);
      expect(await bench.engine.inspect.get(keys("a", "b"))).toMatchObject([
        { state: "completed" },
        { state: "completed" },
      ]);
    }));

  test("counts are correct again after some turns of maintenance", () =>
    on(6, async (bench) => {
      await sendSome(bench);
      await bench.engine.operate.remove(keys("c"));
      await bench.admin.del(GHOSTS);
      await audit(bench, 3);
      expect(await queued(bench)).toBe(3);
      expect(ids(await claim(bench, ["jobs"]))).toEqual(["a", "d", "f"]);
    }));
});

test("a queue is obliterated even if the set of removed entries is deleted", async () => {
  const message = defineMessage("M", { data: z.object({}) });
  const engine = redisEngine({ url: `${server.url.replace(/\/\d*$/, "")}/7`, namespace: "damaged" });
  const queue = createQueue({ registry: createRegistry([message]), engine });
  await on(7, async ({ admin }) => {
    try {
      const jobs = await queue.sendMany(Array.from({ length: 1_200 }, () => ({ message, data: {} })));
      for (const job of jobs.slice(100, 1_100)) await queue.cancel(job.id);
      await admin.del(`${PREFIX}ghosts:default`);
      expect(await queue.obliterate("default")).toBe(1_200);
      expect(await admin.keys(`${PREFIX}*:default`)).toEqual([]);
    } finally {
      await queue.close();
    }
  });
});

describe("an id whose job has lost its key, sent again", () => {
  const leave = {
    "completed, kept": async (bench: Bench) => {
      await send(bench, { id: "a" });
      await complete(bench, await claim(bench, ["jobs"]));
    },
    cancelled: async (bench: Bench) => {
      await send(bench, { id: "a", priority: 1 });
      await cancel(bench, "a");
    },
    active: async (bench: Bench) => {
      await send(bench, { id: "a", retain: retain({ completed: { count: 0 } }) });
      return claim(bench, ["jobs"]);
    },
  };
  const others = { alone: [], "with others": ["b"], "in a flow": ["flow"] };

  test.each(Object.keys(leave).flatMap((state) => Object.keys(others).map((how) => [state, how] as const)))(
    "%s, %s: whatever the send answers as created runs",
    (state, how) =>
      on(10, async (bench) => {
        const held = await leave[state as keyof typeof leave](bench);
        await bench.admin.del(`${PREFIX}job:a`);
        const specs = others[how as keyof typeof others].map((id) =>
          id === "flow" ? { id, dependsOn: ["a"] } : { id },
        );
        const [outcome] = await send(bench, { id: "a" }, ...specs);
        if (held) await complete(bench, held);
        await bench.engine.operate.clean({ state: "completed", olderThan: 0, limit: 9 });
        const created = outcome!.ok ? outcome!.jobs.filter((job) => job.created) : [];
        expect(outcome!.ok).toBe(true);
        const ran: string[] = [];
        for (let turn = 0; turn < 3; turn++) {
          const jobs = await claim(bench, ["jobs"]);
          ran.push(...ids(jobs));
          await complete(bench, jobs);
        }
        if (how !== "in a flow") expect(ran.toSorted()).toEqual(ids(created).toSorted());
        else
          expect(await bench.engine.inspect.get(keys("a", "flow"))).toMatchObject([
            null,
            { state: "cancelled" },
          ]);
        expect((await bench.engine.core.health()).damage).toMatchObject([{ subject: "a", kind: "removed" }]);
        expect(await bench.admin.exists(`${PREFIX}active`, `${PREFIX}state:a`)).toBe(0);
        expect(await bench.admin.hexists(`${PREFIX}ended`, "a")).toBe(0);
      }),
  );
});

test.each(["0 c1", "\0 nonsense", "99999999999999999999 c1", "-5 c1", ""])(
  "a job has at least the dependents that are shown when its list of them is %j",
  (text) =>
    on(8, async (bench) => {
      await send(bench, { id: "root" }, { id: "c1", dependsOn: ["root"] }, { id: "c2", dependsOn: ["root"] });
      await complete(bench, await claim(bench, ["jobs"]));
      const [first] = await claim(bench, ["jobs"], 1);
      await complete(bench, [first!]);
      await bench.admin.hset(`${PREFIX}dependents`, "root", text);
      const [edges] = await bench.engine.inspect.edges(keys("root"));
      expect(edges!.dependentCount).toBeGreaterThanOrEqual(edges!.dependents.length);
      expect(edges!.dependentCount).toBeLessThanOrEqual(2);
      await complete(bench, await claim(bench, ["jobs"]));
      const [later] = await bench.engine.inspect.edges(keys("root"));
      expect(later!.dependents.map(({ job }) => job)).toContain("c2");
      expect(later!.dependentCount).toBeGreaterThanOrEqual(later!.dependents.length);
      expect(later!.dependentCount).toBeLessThanOrEqual(2);
    }),
);

test("dependents of jobs that are gone are forgotten", () =>
  on(9, async (bench) => {
    await send(bench, { id: "root" }, { id: "c", dependsOn: ["root"] });
    await complete(bench, await claim(bench, ["jobs"]));
    await complete(bench, await claim(bench, ["jobs"]));
    await bench.admin.hset(`${PREFIX}dependents`, "gone", "1 gone-too");
    await audit(bench, 3);
    expect(await bench.admin.hkeys(`${PREFIX}dependents`)).toEqual(["root"]);
  }));
