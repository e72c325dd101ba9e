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

let count = 0;
const engines: Readonly<Record<string, () => Engine>> = {
  memory: () => memoryEngine(),
  redis: () => redisEngine({ url: server.url, namespace: `change-${count++}` }),
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
  const state = async (id: string) => (await scene.queue.get(id))?.state;

  it("changes jobs by their ids, and says why not", async () => {
    expect(await queue("retry mail-invalid")).toEqual({
      code: 0,
      stdout: "Retried the job mail-invalid.\n",
      stderr: "",
    });
    expect(await state("mail-invalid")).toBe("queued");
    expect(await queue("retry mail-ada mail-refused-1 nobody state:failed")).toEqual({
      code: 1,
      stdout: "Retried 1 of 4 jobs.\n",
      stderr:
        "job mail-ada is completed: only failed and cancelled jobs can be retried.\n" +
        "job nobody isn't stored: it never was, or its retention is over.\n" +
        "job state:failed isn't stored: it never was, or its retention is over. Is it a query? Then: --where state:failed\n",
    });
    expect(await queue("promote mail-later")).toMatchObject({ code: 0 });
    expect(await state("mail-later")).toBe("queued");
    expect(await queue("cancel mail-later --yes --reason --json")).toMatchObject({ code: 64 });
    expect(await queue(["cancel", "mail-later", "--yes", "--reason", "Sold out", "--json"])).toEqual({
      code: 0,
      stdout: '[{"id":"mail-later","outcome":"cancelled"}]\n',
      stderr: "",
    });
    expect(await scene.queue.get("mail-later")).toMatchObject({ error: { message: "Sold out" } });
    expect(await queue("remove mail-later mail-bob --yes")).toMatchObject({
      code: 0,
      stdout: "Removed 2 jobs.\n",
    });
    expect(await scene.queue.get("mail-bob")).toBeNull();
  });

  it("reads ids from stdin, each once", async () => {
    const ids = (await queue("jobs state:failed --ids --all")).stdout;
    expect(await queue("retry -", { stdin: `${ids}\n\n${ids}` })).toMatchObject({
      code: 0,
      stdout: "Retried 3 jobs.\n",
    });
    expect(await queue("retry -")).toEqual({
      code: 0,
      stdout: "",
      stderr: "No ids came from stdin: nothing was changed.\n",
    });
    expect(await queue("cancel -", { stdin: ids })).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("Cancel 3 jobs? There is no terminal"),
    });
    expect(await queue("retry -", { stdin: "mail-ada {\u001b}" })).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("isn't the id of a job"),
    });
  });

  it("changes jobs by a query, once it is told to", async () => {
    const command = ["retry", "--where", "message:EMAIL error:ECONNREFUSED"];
    const refused = await queue(command);
    expect(refused).toMatchObject({ code: 64, stdout: "" });
    expect(refused.stderr).toMatch(/^error: Retry (at least )?2 jobs\? There is no terminal to ask on/);
    const [, typed = ""] = /\n {2}queue (retry --where '.*' --yes)\n$/.exec(refused.stderr) ?? [];
    expect(await queue([...command, "--dry-run"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Would retry (at least )?2 jobs\. Nothing was changed\.\n$/),
    });
    expect(await queue(command, { answer: "n\n" })).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/2 jobs\?.* y\/N Nothing was changed.\n$/),
    });
    expect(await queue(command, { answer: "" })).toMatchObject({ code: 1, stdout: "" });
    expect(await state("mail-refused-1")).toBe("failed");
    const words = typed.split("'").flatMap((part, at) => (at === 1 ? [part] : part.trim().split(" ")));
    expect(await queue(words)).toMatchObject({ code: 0, stdout: "Retried 2 jobs.\n" });
    expect(await state("mail-refused-1")).toBe("queued");
    expect(await queue(["cancel", "--where", "state:queued", "--json"], { answer: "Y\n" })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\{"changed":\d,"matched":\d,"complete":true\}\n$/),
    });
    expect(await queue(["remove", "--where", "queue:reports", "-y"])).toMatchObject({ code: 0 });
    expect(await state("report-left")).toBeUndefined();
  });

  it("tells running handlers to stop, and removes active jobs only with --force", async () => {
    const running = await openScene(engines[name]!());
    const started = new Promise<void>((resolve) => {
      void running.queue
        .subscribe(() => resolve(), { types: ["progress"] })
        .then(() => running.mail("slow", "c1", { id: "slow" }));
    });
    await started;
    const change = (line: string) => run(running.queue, line.split(" "));
    expect(await change("remove slow --yes")).toEqual({
      code: 1,
      stdout: "",
      stderr: "job slow is active: active jobs are removed only with --force.\n",
    });
    expect(await change("cancel slow --yes")).toMatchObject({
      code: 0,
      stdout: "Cancelled the job slow. It is running: its handler is told to stop.\n",
    });
    await running.queue.wait("slow").catch(() => undefined);
    const cancelled = await running.queue.get("slow");
    expect(cancelled?.error?.message).toBe("Cancelled from the command line.");
    expect(await change("remove slow --force --yes")).toMatchObject({ stdout: "Removed the job slow.\n" });
    await running.worker.stop();
    await running.queue.close();
  });

  it.each<[string, string]>([
    ["retry", "Which jobs? Give ids, or --where QUERY."],
    ["retry a --where state:failed", "Ids and --where exclude each other."],
    ["retry a --cursor x", "--cursor goes with --where."],
    ["remove --where= --yes", "--where has no condition, so it would select every job."],
    ["retry --where state:queued,active", "only failed and cancelled jobs can be retried"],
    ["remove --where state:active", "active jobs are removed only with --force"],
    ["retry --where stat:failed", "stat"],
    ["retry --where state:failed --yes --cursor zzz", "--cursor zzz doesn't belong to this query."],
    ["jobs --cursor zzz", "--cursor zzz doesn't belong to this query."],
  ])("refuses %s", async (line, message) => {
    const { code, stdout, stderr } = await queue(line);
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("says when nothing matches, and which name may be misspelt", async () => {
    expect(await queue("retry --where user:nobody")).toMatchObject({ code: 0, stdout: "" });
    expect(await queue("remove --where message:OTHER_APP --json --yes")).toMatchObject({
      code: 0,
      stdout: '{"changed":0,"matched":0,"complete":true}\n',
    });
    expect(await queue("remove --where message:OTHER_APP --yes")).toMatchObject({
      stderr: "No job matches. The registry has no message OTHER_APP: check the spelling.\n",
    });
  });
});
