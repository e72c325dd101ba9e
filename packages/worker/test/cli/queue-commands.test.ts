import { memoryEngine } from "@org/queue";
import type { Engine } from "@org/queue/engine";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RunOptions, run } from "../support/command-in-process.ts";
import { openScene, type Scene } from "../support/reading-scene.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server?.stop());

let namespaces = 0;
const engines: Readonly<Record<string, () => Engine>> = {
  memory: () => memoryEngine(),
  redis: () => redisEngine({ url: server.url, namespace: `queue-commands-${namespaces++}` }),
};

describe.each(Object.keys(engines))("on the %s engine", (name) => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene(engines[name]!());
    await scene.worker.stop();
  });
  afterEach(() => scene.queue.close());
  const queue = (line: string | readonly string[], options?: RunOptions) =>
    run(scene.queue, typeof line === "string" ? line.split(" ") : line, options);
  const exists = async (id: string) => (await scene.queue.get(id)) !== null;

  it("pauses and resumes queues, and says what was so already", async () => {
    expect(await queue("pause plans mail")).toEqual({
      code: 0,
      stdout: "mail is paused: 0 jobs wait, 0 still run.\nplans is paused: 1 job waits, 0 still run.\n",
      stderr: "",
    });
    expect((await queue("pause plans")).stdout).toBe("plans was paused already: 1 job waits, 0 still run.\n");
    expect((await queue("resume mail")).stdout).toBe("mail is resumed: 0 jobs can run.\n");
    expect((await queue("resume mail plans --json")).stdout).toBe(
      '[{"queue":"mail","paused":false,"changed":false},{"queue":"plans","paused":false,"changed":true}]\n',
    );
    expect((await queue("resume mail")).stdout).toBe("mail wasn't paused.\n");
    expect(await queue("pause mail plan")).toEqual({
      code: 1,
      stdout: "",
      stderr: 'error: There is no queue "plan". Did you mean plans?\n',
    });
    expect((await scene.queue.stats()).queues.every(({ paused }) => !paused)).toBe(true);
  });

  it("empties a queue of what waits", async () => {
    expect(await queue("drain reports")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("Remove 3 jobs? There is no terminal to ask on"),
    });
    expect((await queue("drain reports --dry-run --json")).stdout).toBe(
      '{"dryRun":true,"count":3,"isExact":true}\n',
    );
    expect(await queue("drain mail", { answer: "y\n" })).toMatchObject({
      code: 0,
      stdout: "Removed 1 job.\n",
    });
    expect(await exists("mail-later")).toBe(true);
    expect(await queue("drain mail --yes")).toMatchObject({
      code: 0,
      stderr: "Nothing waits in this queue.\n",
    });
    expect(await queue("drain mail --scheduled --yes")).toMatchObject({ stdout: "Removed 1 job.\n" });
    expect(await queue("drain post --yes")).toMatchObject({ code: 1 });
  });

  it("removes old jobs of one state", async () => {
    expect(await queue("clean failed --older-than 1h --yes")).toMatchObject({ stdout: "Removed 0 jobs.\n" });
    expect(await queue("clean failed --queue mail")).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(
        /^error: Remove 3 jobs\?[\s\S]*\n {2}queue clean failed --queue mail --yes\n$/,
      ),
    });
    expect((await queue("clean failed --dry-run")).stdout).toContain(
      "Would remove 3 jobs. Nothing was changed.",
    );
    expect(await queue("clean failed", { answer: "no\n" })).toMatchObject({ code: 1, stdout: "" });
    expect(await exists("mail-invalid")).toBe(true);
    expect(await queue("clean failed --json", { answer: "y\n" })).toMatchObject({
      code: 0,
      stdout: '{"removed":3,"complete":true}\n',
    });
    expect(await queue("clean completed --queue mail --yes")).toMatchObject({ stdout: "Removed 2 jobs.\n" });
    for (const [line, message] of [
      ["clean active", '"active" isn\'t a state that can be cleaned. It is one of: blocked'],
      ["clean fialed", "Did you mean failed?"],
      ["clean failed --older-than old", "--older-than"],
    ] as const) {
      expect(await queue(line)).toMatchObject({ code: 64, stderr: expect.stringContaining(message) });
    }
  });

  it("sends jobs, and prints nothing but their ids", async () => {
    const data = '{"to":"ada","clientId":"c1","token":"secret"}';
    const sent = await queue([
      "send",
      "EMAIL",
      "--data",
      data,
      "--delay",
      "1h",
      "--user",
      "ada",
      "--priority",
      "3",
    ]);
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    expect(await scene.queue.get(sent.stdout.trim())).toMatchObject({
      state: "scheduled",
      userId: "ada",
      priority: 3,
      data: { to: "ada" },
    });
    const options = ["--id", "r1", "--after", "plan-first", "--after", "mail-later", "--on-failure", "run"];
    const report = await queue(["send", "REPORT", ...options, "--metadata", '{"by":"cron"}', "--json"]);
    expect(JSON.parse(report.stdout)).toMatchObject({
      id: "r1",
      state: "blocked",
      metadata: { by: "cron" },
      dependsOn: [
        { job: "plan-first", onFailure: "run" },
        { job: "mail-later", onFailure: "run" },
      ],
    });
    expect(await queue("send REPORT --id r1")).toEqual({
      code: 0,
      stdout: "r1\n",
      stderr: "Nothing new was sent: the job r1 was there already.\n",
    });
    const piped = await queue("send EMAIL --data -", { stdin: `\ufeff${data}` });
    expect(await scene.queue.get(piped.stdout.trim())).toMatchObject({ state: "queued" });
    const masked = await queue(["send", "EMAIL", "-d", data, "--json"]);
    expect(JSON.parse(masked.stdout)).toMatchObject({ data: { token: "[redacted]" } });
    const once = await queue("send REPORT --dedupe monthly --window 1h");
    expect((await queue("send REPORT --dedupe monthly")).stdout).toBe(once.stdout);
  });

  it.each<[string, string]>([
    ["send emal", 'The registry has no message "emal". Did you mean EMAIL?'],
    ["send nothing", "Its messages are: EMAIL, PLAN_CREATE, REPORT."],
    [
      "send EMAIL",
      "--data is missing: EMAIL needs it.\nEMAIL takes { to: string, clientId: string, token: string }\n",
    ],
    [
      'send EMAIL -d {"to":1,"clientId":"c"}',
      "  to: Invalid input: expected string, received number\n  token:",
    ],
    ["send EMAIL -d {to:1}", "--data isn't JSON: "],
    ["send EMAIL -d @nowhere.json", "--data @nowhere.json: there is no such file."],
    ["send EMAIL -d -", "--data isn't JSON: it is empty."],
    ["send REPORT --priority 1001", "--priority"],
    ["send REPORT --delay soon", "--delay"],
    ["send REPORT --metadata 1", "error: --metadata: expected an object"],
    ["send REPORT --id 1/2", "error: --id: expected an id like"],
    ["send REPORT --data-version 2", "version"],
    ["send REPORT --timeout 1s", "--timeout goes with --wait."],
    ["send REPORT --window 1s", "--window goes with --dedupe."],
    ["send REPORT --on-failure run", "--on-failure goes with --after."],
    ["send REPORT --after plan-first --on-failure ignore", "expected one of cancel, run, hold"],
  ])("refuses %s", async (line, message) => {
    const { code, stdout, stderr } = await queue(line);
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("waits for the job that it has sent", async () => {
    const late = await queue("send REPORT --id slow --wait --timeout 10ms");
    expect(late).toMatchObject({ code: 124, stdout: "" });
    expect(late.stderr).toMatch(/^slow\n/);
    expect(await queue("send REPORT --after nobody")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--after: no job nobody is known. Nothing was sent."),
    });
  });
});
