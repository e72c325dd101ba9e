import { memoryEngine } from "@org/queue";
import type { Engine } from "@org/queue/engine";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { widthOf } from "../../src/cli/output/text.ts";
import { type RunOptions, run } from "../support/command-in-process.ts";
import { openScene, type Scene } from "../support/reading-scene.ts";

/** What no text of a user may put into a terminal. */
const HARMFUL = /(?!\n)\p{Cc}|\p{Bidi_Control}/u;

let server: TestServer;
beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server?.stop());

const engines: Readonly<Record<string, () => Engine>> = {
  memory: () => memoryEngine(),
  redis: () => redisEngine({ url: server.url, namespace: "reading-commands" }),
};

describe.each(Object.keys(engines))("on the %s engine", (name) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(engines[name]!());
  });
  afterAll(async () => {
    await scene.worker.stop();
    await scene.queue.close();
  });
  const queue = (line: string, options?: RunOptions) => run(scene.queue, line.split(" "), options);
  const json = async (line: string) => JSON.parse((await queue(`${line} --json`)).stdout);

  it("lists jobs by a query, whole in a pipe and fitted to a terminal", async () => {
    const failed = await queue("jobs state:failed");
    expect(failed.code).toBe(0);
    const [title, ...rows] = failed.stdout.trimEnd().split("\n");
    expect(title).toMatch(/^ID +MESSAGE +STATE +TRY +WHEN +QUEUE +USER +ERROR$/);
    expect(rows.map((row) => row.split(/ +/)[0])).toEqual([
      "mail-invalid",
      "mail-refused-2",
      "mail-refused-1",
    ]);
    expect(rows[2]).toContain("2/2");
    expect(rows[2]).toContain("connect ECONNREFUSED 10.0.0.1:587");
    expect(rows[0]).toContain("u\\u001b[2J\\u202e名前");
    expect(failed.stdout).not.toMatch(HARMFUL);
    for (const columns of [60, 80, 160]) {
      const { stdout } = await queue("jobs", { columns, env: { NO_COLOR: "1" } });
      for (const line of stdout.split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    }
    expect((await queue("jobs state:failed", { columns: 80 })).stdout).toContain("\u001b[31mfailed");
  });

  it("lists jobs page by page, as ids and as JSON", async () => {
    const first = await queue("jobs --limit 4 --ids");
    expect(first.stdout.trim().split("\n")).toEqual([
      "mail-boss",
      "report-both",
      "report-right",
      "report-left",
    ]);
    const cursor = / --cursor '?(\S+?)'?$/m.exec(first.stderr)![1]!;
    const second = await queue(`jobs --limit 100 --ids --cursor ${cursor}`);
    expect(second.stdout.trim().split("\n")).toHaveLength(7);
    expect(second.stderr).toBe("");
    const all = await queue("jobs --all --json");
    expect(
      all.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toHaveLength(11);
    expect(await json("jobs data.clientId:c3")).toMatchObject([
      { id: "mail-invalid", state: "failed", sentAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    const group = await json("jobs error:econnrefused");
    expect(group.map(({ id }: { id: string }) => id)).toEqual(["mail-refused-2", "mail-refused-1"]);
  });

  it("says that nothing matches, and what was misspelt", async () => {
    expect(await queue("jobs state:cancelled --json")).toEqual({
      code: 0,
      stdout: "[]\n",
      stderr: "No job matches.\n",
    });
    expect((await queue("jobs message:EMALI")).stderr).toContain("Did you mean EMAIL?");
    expect((await queue("jobs message:OTHER_APP")).stderr).toContain("The registry has no message OTHER_APP");
    expect(await queue("queues mial")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no queue"),
    });
    expect(await queue("jobs stat:failed")).toEqual({
      code: 64,
      stdout: "",
      stderr:
        'error: Column 1 of the query: there is no qualifier "stat". Did you mean state:?\n  stat:failed\n  ^\n',
    });
    expect((await queue("jobs mail-invalid")).stderr).toContain("To see one job: queue job mail-invalid");
    expect(await queue("job nothing-like-it")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No job with the id nothing-like-it"),
    });
    expect(await queue("jobs --limit many")).toMatchObject({ code: 64 });
  });

  it("shows a job: its data without secrets, its error, its log", async () => {
    const { stdout } = await queue("job mail-refused-2");
    expect(stdout).toMatch(/^EMAIL {2}mail-refused-2 {2}failed\n/);
    expect(stdout).toContain('"token": "[redacted]"');
    expect(stdout).not.toContain("hunter2");
    expect(stdout).toMatch(/Failed attempts\n.*\n {4}HANDLER_FAILED: connect ECONNREFUSED/);
    expect(stdout).toMatch(
      /Error\n {2}HANDLER_FAILED: connect ECONNREFUSED 10\.0\.0\.1:587\n {4}at .*\n( {4}… .*\n)?\n/,
    );
    expect(stdout).toMatch(/Log\n {2}\d\d:\d\d:\d\d\.\d{3} {2}connecting for refused/);
    expect(stdout).not.toContain("Graph");
    const invalid = await queue("job mail-invalid --verbose");
    expect(invalid.stdout).not.toMatch(HARMFUL);
    expect(await json("job mail-ada")).toMatchObject({
      job: { id: "mail-ada", data: { token: "[redacted]" }, result: { receipt: "r-c1", card: "[redacted]" } },
      explanation: { state: "completed" },
      graph: { root: "mail-ada", nodes: [{ id: "mail-ada" }] },
    });
  });

  it("shows why a job waits, and its graph as a tree", async () => {
    const { stdout } = await queue("job report-right");
    expect(stdout).toContain("It waits for the job plan-first, which is queued");
    const tree = stdout
      .slice(stdout.indexOf("Graph"))
      .replaceAll(/ {2}(now|\d+ m?s ago)(, )?/g, "  ")
      .trimEnd();
    expect(
      tree
        .split("\n")
        .slice(1)
        .map((line) => line.trimEnd()),
    ).toEqual(
      [
        "  PLAN_CREATE plan-first  queued",
        "  ├─ REPORT report-left  blocked  waits",
        "  │  └─ REPORT report-both  blocked  waits",
        "  │     └─ EMAIL mail-boss  blocked  waits, held on failure",
        "  └─ REPORT report-right  blocked  waits  ← this job",
        "     └─ REPORT report-both  blocked  waits, see above",
      ].map((line) => expect.stringMatching(new RegExp(`^${line.replaceAll(/ {2,}/g, " +")}$`))),
    );
  });

  it("shows queues, statistics, workers and failures", async () => {
    const queues = await queue("queues");
    expect(queues.stdout).toMatch(/^QUEUE +BLOCKED +SCHEDULED +QUEUED +ACTIVE +FAILED +COMPLETED/);
    expect(queues.stdout).toMatch(/^mail +1 +1 +0 +0 +3 +2 +0 +1$/m);
    expect(await json("queues mail")).toMatchObject([
      { queue: "mail", paused: false, states: { failed: 3 }, workers: 1 },
    ]);
    expect((await queue("stats")).stdout).toMatch(
      /^mail +7 +2 +3 +0 +2 +0 +\S+\/s +60 % +<\d+ m?s +<\d+ m?s$/m,
    );
    expect((await queue("stats mail -m")).stdout).toMatch(/^mail +EMAIL +7/m);
    expect(await json("stats mail")).toMatchObject({ queues: [{ queue: "mail", recent: { failed: 3 } }] });
    const workers = await queue("workers");
    expect(workers.stdout).toMatch(/^mailer +\S+:\d+ +0\/3 +mail +EMAIL/m);
    expect((await queue("workers --jobs")).stderr).toBe("No job is running on the worker.\n");
    expect(await json("workers")).toMatchObject([
      { name: "mailer", handles: [{ message: "EMAIL", version: 1 }] },
    ]);
    const failures = await queue("failures");
    expect(failures.stdout).toMatch(
      /^EMAIL {2}HANDLER_FAILED {2}2 failed, 2 retried\n {2}connect ECONNREFUSED/m,
    );
    expect(failures.stdout).not.toMatch(HARMFUL);
    expect(await json("failures --limit 1")).toHaveLength(1);
    expect((await queue("failures --queue plans")).stderr).toBe("No failures in the last two weeks.\n");
    expect((await queue("failures --message NOPE")).stderr).toBe(
      "No failures in the last two weeks. The registry has no message NOPE: check the spelling.\n",
    );
    expect((await queue("failures --message EMALI")).stderr).toContain("Did you mean EMAIL?");
  });

  it("judges health by its exit code", async () => {
    const { code, stdout } = await queue("health");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^1 warning {2}/);
    expect(stdout).toMatch(/^warning {2}\w+ plans\n {2}.*\n {2}→ /m);
    expect(await json("health")).toMatchObject({ status: "warning", engine: { ok: true } });
  });
});
