import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { WireEnvelope } from "../src/engine/job.ts";
import { describeThrown } from "../src/errors/thrown.ts";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type FailureGroupList,
  type Message,
  reportFromWire,
  toWire,
  UnrecoverableError,
} from "../src/index.ts";
import { FakeClock } from "../src/testing/index.ts";
import { appFrame } from "../src/worker/grouping/app-frame.ts";
import { failureGroupOf } from "../src/worker/grouping/failure-group.ts";
import { normalizeText } from "../src/worker/grouping/normalized-text.ts";
import { plan, planCreate, rejection, scan, setup } from "./runtime-support.ts";

describe("an error's text", () => {
  it.each([
    ["Plan 9b2f5c1e-7d0a-4c55-9a3b-0a6f4b1f2c3d isn't there", "Plan <uuid> isn't there"],
    ["User 42 has 1,234.5 points, not -7e3", "User <number> has <number> points, not <number>"],
    ["took 5000ms", "took <number>ms"],
    ["S3 and utf8 are words, order12345 isn't", "S3 and utf8 are words, order<number> isn't"],
    [
      'Unexpected token \'h\', "hello \\" there" is not valid JSON',
      "Unexpected token <text>, … is not valid JSON",
    ],
    ["Can't find “Ann’s plan” or `x`", "Can't find <text> or <text>"],
    [
      "Cannot read properties of undefined (reading 'name')",
      "Cannot read properties of undefined (reading 'name')",
    ],
    ["mail to ann.lee+x@example.co.uk bounced", "mail to <email> bounced"],
    ["GET https://api.example.com/v1/users/42?x=1 failed", "GET <url> failed"],
    ["connect ECONNREFUSED 10.0.0.1:5432", "connect ECONNREFUSED <ip>"],
    ["connect ECONNREFUSED ::1:5432 and fe80::1ff:fe23:4567:890a", "connect ECONNREFUSED <ip> and <ip>"],
    ["at 2026-01-31T10:20:30.123Z, or 2026-01-31, or 10:20:30", "at <date>, or <date>, or <time>"],
    ["ENOENT: no such file, open '/srv/app/data/a.json'", "ENOENT: no such file, open <text>"],
    [
      "ENOENT: open /srv/app/data/a.json or C:\\data\\a.json or ./a/b",
      "ENOENT: open <path> or <path> or <path>",
    ],
    ["and/or", "and/or"],
    ["commit 8f3c2d1a9b, pointer 0x7ffee4", "commit <hex>, pointer <hex>"],
    ["job 01J9ZQ4T7N8V5W6X3Y2Z1A0B9C, key sk_live_51Habc", "job <id>, key <id>"],
    ["channels 1, 2, 3 are gone", "channels <number>, … are gone"],
    ["two\n  lines\tof text", "two lines of text"],
    ["\u001b[1;31mred\u001b[0m, a bell\u0007 and nul\u0000", "red, a bell and nul"],
  ])("%s → %s", (text, normalized) => {
    expect(normalizeText(text)).toBe(normalized);
  });

  it("of any length takes a bounded time", () => {
    for (const part of ["a", "1", "'", '"', "/", "-", "a@", "1:", "<number>, ", "😀", "\ud83d", "\\"]) {
      const started = performance.now();
      const normalized = normalizeText(part.repeat(200_000));
      expect(performance.now() - started).toBeLessThan(1_000);
      expect(normalized.isWellFormed()).toBe(true);
    }
  });

  it("that is cut inside a quotation has no rest of it", () => {
    expect(normalizeText(`Bad note: "${"secret ".repeat(200)}"`)).toBe("Bad note: <text>");
  });
});

describe("the app's frame", () => {
  const frame = (...lines: readonly string[]) =>
    appFrame(`Error: no\n${lines.map((line) => `    at ${line}`).join("\n")}`, "no", "/srv/app");

  it.each([
    ["node:internal/process/task_queues:95:5", undefined],
    ["createPlan (/srv/app/src/plan.ts:10:5)", "createPlan (src/plan.ts)"],
    ["async createPlan (file:///srv/app/src/plan.ts:10:5)", "createPlan (src/plan.ts)"],
    ["file:///srv/app/src/plan.ts:10:5", "src/plan.ts"],
    ["async file:///srv/app/src/plan.ts:10:5", "src/plan.ts"],
    ["Object.<anonymous> (/srv/app/src/plan.ts:10:5)", "src/plan.ts"],
    ["new Plan (/srv/app/src/plan.ts:10:5)", "Plan (src/plan.ts)"],
    ["Plan.save [as run] (/srv/app/src/plan.ts:10:5)", "Plan.save (src/plan.ts)"],
    ["save (/elsewhere/lib/deep/src/plan.ts:10:5)", "save (deep/src/plan.ts)"],
    ["save (webpack-internal:///(rsc)/./src/plan.ts?1:10:5)", "save (src/plan.ts)"],
    ["save (C:\\app\\src\\plan.ts:10:5)", "save (app/src/plan.ts)"],
    ["save (/srv/app/dist/chunk-5FZQ2K3A.js:10:5)", "save (dist/chunk-*.js)"],
    ["save (/srv/app/dist/main.8f3c2d1a.js:10:5)", "save (dist/main.*.js)"],
    ["save (/srv/app/dist/step-2.js:10:5)", "save (dist/step-2.js)"],
    ["save (/srv/app/.next/server/chunks/4711.js:10:5)", "save (.next/server/chunks/*.js)"],
    ["save (/srv/app/node_modules/pg/lib/client.js:10:5)", undefined],
    ["Array.map (<anonymous>)", undefined],
    ["eval (eval at run (/srv/app/src/plan.ts:1:1), <anonymous>:1:1)", undefined],
  ])("of %s is %s", (line, expected) => {
    expect(frame(line)).toBe(expected);
  });

  it("is the first that isn't the runtime's, a dependency's or this library's", () => {
    const own = new URL("../src/worker/execute/executor.ts", import.meta.url);
    const lines = [
      "JSON.parse (<anonymous>)",
      "query (/srv/app/node_modules/.pnpm/pg@8/node_modules/pg/index.js:1:1)",
      `Executor.#call (${own.pathname}:1:1)`,
      "savePlan (/srv/app/src/plan.ts:1:1)",
      "other (/srv/app/src/other.ts:1:1)",
    ];
    expect(frame(...lines)).toBe("savePlan (src/plan.ts)");
  });

  it("is that of JavaScriptCore's stacks too", () => {
    expect(appFrame("savePlan@/srv/app/src/plan.ts:1:2\nother@[native code]", "no", "/srv/app")).toBe(
      "savePlan (src/plan.ts)",
    );
  });

  it("isn't taken from the message", () => {
    const message = "no\n    at evil (/srv/app/src/evil.ts:1:1)";
    const stack = `Error: ${message}\n    at good (/srv/app/src/good.ts:1:1)`;
    expect(appFrame(stack, message, "/srv/app")).toBe("good (src/good.ts)");
  });

  it("may be that of a cause", () => {
    const cause = Object.assign(new Error("inner"), {
      stack: "Error: inner\n    at deep (/srv/app/a.ts:1:1)",
    });
    const error = Object.assign(new Error("outer", { cause }), { stack: "Error: outer\n    at node:x:1:1" });
    expect(appFrame(describeThrown(error).stack, "outer", "/srv/app")).toBe("deep (a.ts)");
  });
});

const card = defineMessage("CARD_CHARGE", {
  version: 2,
  data: z.object({
    owner: z.string(),
    cards: z.array(z.object({ number: z.string(), pin: z.number() })),
    note: z.string(),
    guests: z.record(z.string(), z.object({ seat: z.int() })),
  }),
  upcast: { 1: (data) => data },
  sensitive: { data: ["owner", "cards.*.number", "cards.*.pin", "note", "guests"] },
});

const data = {
  owner: "Ann Lee",
  cards: [{ number: "tok-abcdefgh", pin: 7 }],
  note: "allergic to peanuts, and to much else that nobody but her doctor is to know",
  guests: { "Bob Stone": { seat: 31 }, 李明: { seat: 32 } },
};

function groupOf(
  thrown: unknown,
  {
    message = card,
    version = 2,
    json = JSON.stringify(data),
  }: { readonly message?: Message | undefined; readonly version?: number; readonly json?: string } = {},
) {
  const envelope = { id: "a", messageType: "CARD_CHARGE", version, data: json } as WireEnvelope;
  return failureGroupOf("HANDLER_FAILED", describeThrown(thrown), envelope, message);
}

describe("the group of a failure", () => {
  it("is the same for errors that differ in values only, and another elsewhere", () => {
    const fail = (id: number) => new Error(`Order ${id} of "${id}" failed`);
    const other = () => new Error("Order 1 of it failed");
    expect(groupOf(fail(1))).toEqual(groupOf(fail(2)));
    expect(groupOf(fail(1)).fingerprint).not.toBe(groupOf(other()).fingerprint);
    const elsewhere = () => fail(3);
    expect(groupOf(elsewhere()).frame).toBe("fail (test/failure-groups.test.ts)");
    const named = function charge() {
      return new Error('Order 1 of "1" failed');
    };
    expect(groupOf(named()).title).toBe(groupOf(fail(1)).title);
    expect(groupOf(named()).fingerprint).not.toBe(groupOf(fail(1)).fingerprint);
  });

  it("is the same for short ids that the data has, and keeps what only looks like one", () => {
    const titleOf = (id: string) =>
      groupOf(new Error(`Invoice ${id} in utf8 has no amount (${id}.pdf)`), {
        json: JSON.stringify({ invoice: { id } }),
      }).title;
    for (const id of ["f9", "f101", "user12", "cus_Nab12x", "a+b.1"]) {
      expect(titleOf(id)).toBe("Invoice <id> in utf8 has no amount (<id>.pdf)");
    }
  });

  it("has the error's class, and the first of an AggregateError's errors", () => {
    expect(groupOf(new TypeError("no")).title).toBe("TypeError: no");
    expect(groupOf(new Error("")).title).toBe("Error");
    expect(groupOf(new Error("\u0000\u001b[0m")).title).toBe("Error");
    expect(groupOf(new AggregateError([new Error("down 1"), new Error("b")])).title).toBe(
      "AggregateError: down <number>",
    );
  });

  it.each([
    ["a value", "Ann Lee has no money", "[redacted] has no money"],
    ["in other case", "no money: ANN LEE", "no money: [redacted]"],
    ["a key of a record", "no seat for Bob Stone", "no seat for [redacted]"],
    ["an element's", "card tok-abcdefgh refused", "card [redacted] refused"],
    ["a short number, as a word", "pin 7 of S7 refused", "pin [redacted] of S7 refused"],
    ["a short name of a language without spaces", "用户李明的订单失败", "用户[redacted]的订单失败"],
    ["the beginning of a long one", "note allergic to peanuts, and… refused", "note [redacted]… refused"],
  ])("doesn't have what is sensitive in its text: %s", (_, text, title) => {
    expect(groupOf(new Error(text)).title).toBe(title);
  });

  it("masks all values of data of an older version, and all of the text if the data can't be read", () => {
    const older = JSON.stringify({ who: { name: "Ann Lee" } });
    expect(groupOf(new Error("Ann Lee has no money"), { version: 1, json: older }).title).toBe(
      "[redacted] has no money",
    );
    expect(groupOf(new Error("Ann Lee has no money"), { json: "{" }).title).toBe("[redacted]");
    const { title } = failureGroupOf(
      "HANDLER_FAILED",
      describeThrown(new Error("Ann Lee")),
      { id: "a", messageType: "GONE", version: 1, data: "{}" } as WireEnvelope,
      undefined,
    );
    expect(title).toBe("HANDLER_FAILED");
  });

  it("is bounded and well-formed, whatever was thrown", () => {
    const thrown = [
      "\ud800".repeat(10_000),
      null,
      new Proxy(new Error("a"), {}),
      Object.assign(new Error("😀".repeat(9_000)), { stack: "at ".repeat(100_000) }),
      Object.assign(new Error("a"), { stack: `Error: a\n    at ${"f".repeat(9_000)} (/a/b.ts:1:1)` }),
    ];
    for (const value of thrown) {
      const { fingerprint, title, frame = "" } = groupOf(value);
      expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
      expect([title, frame].every((text) => text.length <= 200 && text.isWellFormed())).toBe(true);
      expect(`${title}${frame}`).not.toContain("\n");
    }
  });
});

describe("queue.failureGroups", () => {
  async function failing() {
    const test = setup();
    let attempts = 0;
    await test.start({
      PLAN_CREATE: ({ data: { planId } }) => {
        attempts++;
        throw planId === "last"
          ? new UnrecoverableError(`No trainer for ${attempts}`)
          : new Error(`Try ${attempts}`);
      },
    });
    return test;
  }

  it("counts retries and final failures, with dates, and survives JSON", async () => {
    const { queue, settle, clock } = await failing();
    const started = clock.now();
    const job = await queue.send(planCreate, plan("p1"));
    await settle();
    for (let attempt = 1; attempt < 3; attempt++) {
      await clock.advance(5_000);
      await settle();
    }
    const { groups, cursor } = await queue.failureGroups({ message: planCreate });
    expect(cursor).toBe(undefined);
    expect(groups).toMatchObject([
      {
        ...{ code: "HANDLER_FAILED", title: "Try <number>", messageType: "PLAN_CREATE", queue: "plans" },
        ...{ failed: 1, retried: 2, samples: [job.id] },
      },
    ]);
    const [{ firstAt, lastAt, hours, frame }] = groups as unknown as [FailureGroupList["groups"][0]];
    expect(frame).toContain("test/failure-groups.test.ts");
    expect(Number(firstAt)).toBeGreaterThanOrEqual(started);
    expect(lastAt).toEqual((await queue.get(job))!.finishedAt);
    expect(hours.reduce((sum, { failed, retried }) => sum + failed + retried, 0)).toBe(3);
    const list = { groups };
    expect(reportFromWire(JSON.parse(JSON.stringify(toWire(list))))).toEqual(list);
  });

  it("leads to the jobs of a group, and forgets one", async () => {
    const { queue, settle } = await failing();
    const ids: string[] = [];
    for (const planId of ["last", "p2", "last"]) ids.push((await queue.send(planCreate, plan(planId))).id);
    await settle();
    const { groups } = await queue.failureGroups();
    const failureGroup = groups.find(({ code }) => code === "UNRECOVERABLE")!.fingerprint;
    const { jobs, complete } = await queue.list({ failureGroup, fields: "summary" });
    expect(complete).toBe(true);
    expect(jobs.map(({ id }) => id)).toEqual([ids[2], ids[0]]);
    expect(await queue.forgetFailureGroups([failureGroup, "other"])).toBe(1);
    expect((await queue.failureGroups()).groups).toHaveLength(1);
    expect((await queue.list({ state: "failed" })).jobs).toHaveLength(2);
  });

  it("is typed by message, and goes on with a cursor", async () => {
    const { queue, settle } = await failing();
    for (const planId of ["last", "p2"]) await queue.send(planCreate, plan(planId));
    await settle();
    const first = await queue.failureGroups({ limit: 1, message: "PLAN_CREATE", queue: "plans" });
    const second = await queue.failureGroups({
      limit: 1,
      message: planCreate,
      queue: "plans",
      cursor: first.cursor,
    });
    const messageType: "PLAN_CREATE" = second.groups[0]!.messageType;
    expect(messageType).toBe("PLAN_CREATE");
    expect(second.groups[0]!.fingerprint).not.toBe(first.groups[0]!.fingerprint);
    expect((await queue.failureGroups({ message: scan })).groups).toEqual([]);
    const error = await rejection(queue.failureGroups({ queue: "plans", cursor: first.cursor }));
    expect(error.message).toContain("failureGroups: the cursor belongs to another filter.");
  });

  it("refuses options that it can't mean", async () => {
    const { queue } = setup();
    const refusals: readonly [() => Promise<unknown>, string][] = [
      [() => queue.failureGroups({ limit: 101 }), "limit"],
      [() => queue.failureGroups({ cursor: "x" }), "the cursor belongs to another filter"],
      [() => queue.failureGroups({ queue: "plan" }), 'no queue "plan"'],
      [() => queue.failureGroups({ message: "PLAN" }), "Did you mean"],
      [() => queue.forgetFailureGroups(["a b"]), "fingerprint"],
      [() => queue.list({ failureGroup: "" }), "fingerprint"],
    ];
    for (const [call, text] of refusals) expect((await rejection(call())).message).toContain(text);
  });

  it("has the docstring's example", async () => {
    const message = defineMessage("A", { data: z.object({}), retry: { attempts: 1 } });
    const clock = new FakeClock();
    const queue = createQueue({ registry: createRegistry([message]), clock });
    const worker = createWorker(queue).handle(message, () => {
      throw new Error("No plan 7");
    });
    await worker.start();
    await queue.send(message, {});
    await expect.poll(async () => (await queue.failureGroups()).groups.length).toBe(1);
    const lines: unknown[][] = [];
    const { groups } = await queue.failureGroups({ limit: 10 });
    for (const { title, frame, failed, lastAt } of groups) lines.push([lastAt, failed, title, frame]);
    expect(lines).toEqual([[new Date(clock.now()), 1, "No plan <number>", expect.any(String)]]);
    await worker.stop();
    await queue.close();
  });
});
