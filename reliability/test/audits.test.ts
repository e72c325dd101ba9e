import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewJob } from "@org/queue/engine";
import { afterEach, describe, expect, test } from "vitest";
import { timesByJob } from "../src/audit/attempts.ts";
import { dropLostReplies, isNotExcused } from "../src/audit/data-loss.ts";
import { drainedKeyProblems, emptyKeyProblems } from "../src/audit/keys.ts";
import { resultProblems } from "../src/audit/results.ts";
import { timingProblems } from "../src/audit/timing.ts";
import type { Line } from "../src/history/line.ts";
import { checkTable } from "../src/soak/check-table.ts";
import { JobTable } from "../src/soak/job-table.ts";
import { readLedgers } from "../src/soak/read-ledgers.ts";
import { RedisServer } from "../src/stage/redis-server.ts";

// An audit that finds nothing proves nothing unless it can find something.

const by = "worker";
const ending = { outcome: "complete", verdict: "accepted" } as const;

function sending(id: string, extra: Partial<NewJob> = {}): Line {
  const envelope = { id, messageType: "STEP", version: 1, timestamp: "now", data: "{}" };
  const job = { envelope, queue: "steps", dependsOn: [], ...extra } as unknown as NewJob;
  return { at: 0, type: "sending", by: "producer", jobs: [job] };
}

function claimed(at: number, id: string, follows?: string): Line {
  const job = { id, epoch: 1, attempt: 1, data: "{}", ...(follows !== undefined && { follows }) };
  return { at, type: "claimed", by, jobs: [job] };
}

function settled(at: number, id: string): readonly Line[] {
  return [
    { at, type: "settling", by, outcomes: [{ id, epoch: 1, outcome: "complete" }] },
    { at: at + 1, type: "settled", by, id, epoch: 1, ...ending },
  ];
}

function handled(from: number, to: number, id: string): readonly Line[] {
  return [
    { at: from, type: "started", by, id, epoch: 1 },
    { at: to, type: "finished", by, id, epoch: 1 },
  ];
}

function timing(lines: readonly Line[]): readonly string[] {
  return [...timingProblems(timesByJob(lines))];
}

describe("timing problems include", () => {
  const dependsOn = [{ job: "first", onFailure: "cancel" }] as const;
  const jobs = [sending("first"), sending("second", { dependsOn })];

  test("a dependent that was claimed before its dependency had ended", () => {
    const start = [...jobs, claimed(10, "first"), ...settled(20, "first")];
    expect(timing([...start, claimed(25, "second")])).toEqual([]);
    expect(timing([...start, claimed(15, "second")])).toHaveLength(1);
  });

  test("a dependent whose dependency never completed", () => {
    expect(timing([...jobs, claimed(10, "first"), claimed(25, "second")])).toHaveLength(1);
  });

  const ordering = { key: "k", onFailure: "continue" } as const;
  const line = [sending("first", { ordering }), sending("second", { ordering })];

  test("two jobs of a key that were claimed at the same time", () => {
    const start = [...line, claimed(10, "first"), ...settled(20, "first"), ...settled(40, "second")];
    expect(timing([...start, claimed(30, "second")])).toEqual([]);
    expect(timing([...start, claimed(15, "second")])).toHaveLength(1);
  });

  test("a reserved job that started before the one ahead had finished", () => {
    const start = [...line, claimed(10, "first"), claimed(10, "second", "first")];
    const ends = [...settled(30, "first"), ...settled(30, "second"), ...handled(11, 15, "first")];
    expect(timing([...start, ...ends, ...handled(16, 20, "second")])).toEqual([]);
    expect(timing([...start, ...ends, ...handled(14, 20, "second")])).toHaveLength(1);
  });
});

test("results of stale attempts are found", () => {
  const times = timesByJob([sending("first"), claimed(1, "first"), ...settled(2, "first")]);
  const record = { id: "first", state: "completed", epoch: 1 };
  const problems = (fence: number) =>
    [...resultProblems([{ ...record, result: `{"fence":${fence}}` } as never], times)].length;
  expect(problems(1)).toBe(0);
  expect(problems(2)).toBeGreaterThan(0);
});

test("data loss excuses only what the server may have lost", () => {
  const loss = { from: 100, to: 200 };
  const lines = [...settled(50, "before"), ...settled(150, "within")];
  expect(dropLostReplies(lines, loss).map(({ type }) => type)).toEqual(["settling", "settled", "settling"]);
  const isReported = isNotExcused(lines, loss);
  expect(isReported({ rule: "epochs only grow", what: "within was claimed twice" })).toBe(false);
  expect(isReported({ rule: "epochs only grow", what: "before was claimed twice" })).toBe(true);
  expect(isReported({ rule: "nothing is lost", what: "within was acknowledged and is missing" })).toBe(true);
});

describe("the soak's ledgers reveal", () => {
  const producer = "S 1.00 0.0 0.1|k 0.2|k 0.3>0.0c ;\nA 0.0 0.1 0.2 0.3 ;\n";
  const good = [
    "C 2.00 0.0:1 0.1:1 0.2:1:r ;",
    "E 3.00 0.0:1:c 0.1:1:c 0.2:1:c ;",
    "V 0.0:1:c 0.1:1:c 0.2:1:c ;",
    "C 4.00 0.3:1 ;",
    "E 5.00 0.3:1:c ;",
    "V 0.3:1:c ;",
  ];
  const without = (type: string, id: string) =>
    good.filter((line) => !(line[0] === type && line.includes(id)));

  test.for<[string, readonly string[], number]>([
    ["nothing if all is well", good, 0],
    ["nothing in a line that was cut short by a kill", [...good, "C 9.00 0.3:1"], 0],
    ["a job that was acknowledged and never ended", good.slice(0, 3), 1],
    ["a second ending", [...good, "V 0.3:2:c ;"], 1],
    ["an epoch that was assigned twice", [...good, "C 9.00 0.3:1 ;"], 1],
    ["a job that nobody sent", [...good, "C 9.00 0.9:1 ;"], 1],
    ["a dependent that started early", [...without("C", "0.3"), "C 2.50 0.3:1 ;"], 1],
    ["two jobs of a key at the same time", ["C 2.00 0.2:2 ;", ...good], 1],
  ])("%s", async ([, lines, count]) => {
    const directory = await mkdtemp(join(tmpdir(), "queue-ledgers-"));
    const paths = [join(directory, "producer"), join(directory, "worker")] as const;
    await writeFile(paths[0], producer);
    await writeFile(paths[1], lines.map((line) => `${line}\n`).join(""));
    const table = new JobTable(1);
    const { problems } = await readLedgers(paths, table);
    checkTable(table, new Map(), (problem) => problems.push(problem));
    expect(problems).toHaveLength(count);
    await rm(directory, { recursive: true });
  });
});

describe("the key audit finds", () => {
  let redis: RedisServer | undefined;
  afterEach(() => redis?.stop());

  test("orphans, and ids in no set or in two", async () => {
    redis = await RedisServer.start("no");
    const { admin } = redis;
    await admin.set("{n}:job:whole", "");
    await admin.zadd("{n}:completed:q", 1, "whole");
    expect(await drainedKeyProblems(admin, "n")).toEqual([]);

    await admin.set("{n}:job:unlisted", "");
    await admin.zadd("{n}:failed:q", 1, "whole", 2, "unstored");
    await admin.hset("{n}:state:orphan", "s", "completed");
    await admin.set("{n}:undocumented", "");
    await admin.set("{n}:wake:forever", "");
    expect(await drainedKeyProblems(admin, "n")).toHaveLength(6);

    await admin.flushall();
    await admin.hset("{n}:running", "q", "1");
    await admin.set("elsewhere", "");
    expect(await emptyKeyProblems(admin, "n")).toHaveLength(2);
  });
});
