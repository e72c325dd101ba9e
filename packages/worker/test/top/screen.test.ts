import pc from "picocolors";
import { describe, expect, it } from "vitest";
import { widthOf } from "../../src/cli/output/text.ts";
import { sparkline } from "../../src/cli/top/header.ts";
import type { TopModel } from "../../src/cli/top/model.ts";
import { plain, screenLines, scrollOf } from "../../src/cli/top/screen.ts";
import { INITIAL_VIEW, type TopView } from "../../src/cli/top/view.ts";
import { ago, busyModel, emptyModel, queueStats, states, workerSnapshot } from "./top-model.ts";

const HARMFUL = /\p{Cc}|\p{Bidi_Control}/u;

function show(
  model: TopModel,
  columns: number,
  rows: number,
  view: Partial<TopView> = {},
): readonly string[] {
  const options = { columns, rows, interval: 2_000, colors: pc.createColors(true) };
  const lines = screenLines(model, { ...INITIAL_VIEW, ...view }, options);
  expect(lines).toHaveLength(rows);
  for (const line of lines) {
    expect(widthOf(plain(line)), line).toBeLessThanOrEqual(columns);
    expect(plain(line)).not.toMatch(HARMFUL);
  }
  return lines.map(plain);
}

describe("the screen of queue top", () => {
  it("shows everything in 80 columns and 24 lines", () => {
    expect(show(busyModel, 80, 24).map((line) => line.trimEnd())).toMatchInlineSnapshot(`
      [
        " queue top                                              12:00:00 UTC, every 2 s",
        " completed     312/s   ·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄           1,212 waiting",
        " failed        1.5/s   ·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄         4 of 10 running",
        " retried         0/s   ································               13 failed",
        "  1 QUEUES 3     STATE   WAITING   ACTIVE    LATER   FAILED     RATE      OLDEST",
        "> mail                     1,203        7        2       13    314/s   2 min 5 s",
        "  reports        paused        9        0        1        0      0/s         3 s",
        "  workouts                     0        0        0        0      0/s",
        "  2 WORKERS 2   STATE     RUNS          UP     LONGEST  HOST        QUEUES",
        "  web-1:4711              4/10   2 h 5 min  1 min 35 s              mail reports",
        "  mailer        quiet     0/10   2 h 5 min              web-1:4712  mail reports",
        "  3 RUNNING              FOR  JOB                       QUEUE  WORKER",
        "  EMAIL           1 min 35 s  01jdy1k3v7e8m2n4p6q8r0s2  mail   web-1:4711",
        "                      300 ms  01jdy1k3v7e8m2n4p6q8r0s3         web-1:4711",
        "  4 FAILURES             AGO  JOB             ERROR",
        "  EMAIL                4.2 s  01jdy1k…q8r0s4  connect ECONNREFUSED 10.0.0.1:587…",
        "  名前名前名前         1 min  odd",
        "",
        "",
        "",
        "",
        "",
        "",
        " ?: help   q: quit   tab: next panel   p: pause or resume   s: sort",
      ]
    `);
  });

  it("shows whole ids and errors in 160 columns", () => {
    expect(show(busyModel, 160, 30).map((line) => line.trimEnd())).toMatchInlineSnapshot(`
      [
        " queue top                                                                                                                              12:00:00 UTC, every 2 s",
        " completed     312/s   ·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅                                                               1,212 waiting",
        " failed        1.5/s   ·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅                                                             4 of 10 running",
        " retried         0/s   ····························································                                                                   13 failed",
        "",
        "  1 QUEUES 3      STATE   WAITING   ACTIVE    LATER   FAILED     RATE      OLDEST",
        "> mail                      1,203        7        2       13    314/s   2 min 5 s",
        "  reports         paused        9        0        1        0      0/s         3 s",
        "  workouts                      0        0        0        0      0/s",
        "",
        "  2 WORKERS 2     STATE     RUNS          UP     LONGEST  HOST        QUEUES",
        "  web-1:4711                4/10   2 h 5 min  1 min 35 s              mail reports",
        "  mailer          quiet     0/10   2 h 5 min              web-1:4712  mail reports",
        "",
        "  3 RUNNING              FOR  JOB                       QUEUE  WORKER",
        "  EMAIL           1 min 35 s  01jdy1k3v7e8m2n4p6q8r0s2  mail   web-1:4711",
        "                      300 ms  01jdy1k3v7e8m2n4p6q8r0s3         web-1:4711",
        "",
        "  4 FAILURES             AGO  JOB                       QUEUE  ERROR",
        "  EMAIL                4.2 s  01jdy1k3v7e8m2n4p6q8r0s4  mail   connect ECONNREFUSED 10.0.0.1:587 \\u001b[2J\\u202e 名前 é\\nsecond line",
        "  名前名前名前         1 min  odd                       名",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        " ?: help   q: quit   tab: next panel   p: pause or resume   s: sort",
      ]
    `);
  });

  it("fits every size, and says what it needs below 40 columns or 10 lines", () => {
    for (const columns of [40, 50, 79, 81, 120, 300]) {
      for (const rows of [10, 16, 17, 18, 19, 23, 31, 90]) {
        for (const focus of ["queues", "workers", "running", "failures"] as const) {
          show(busyModel, columns, rows, { focus });
          show(emptyModel, columns, rows, { focus });
        }
      }
    }
    expect(show(busyModel, 40, 10).join("\n")).toMatch(
      /312\/s done, 1\.5\/s failed[\s\S]*1 QUEUES 3 [\s\S]*workouts/,
    );
    expect(show(busyModel, 39, 10).join(" ")).toContain("queue top needs 40 columns and 10 lines.");
    show(busyModel, 3, 2);
  });

  it("says what is missing in an empty system", () => {
    const screen = show(emptyModel, 80, 24).join("\n");
    expect(screen).toContain("There are no queues");
    expect(screen).toContain("No worker is alive. Start one: queue worker");
    expect(screen).toContain("No job is running.");
    expect(screen).toContain("No job has failed.");
  });

  it("shows the rows around the chosen one of a thousand queues and 200 workers", () => {
    const model: TopModel = {
      ...emptyModel,
      queues: Array.from({ length: 1_000 }, (_, index) =>
        queueStats(`tenant-${index}`, { states: states({ queued: index }) }),
      ),
      workers: Array.from({ length: 200 }, (_, index) => workerSnapshot(index)),
    };
    const first = show(model, 80, 24).join("\n");
    expect(first).toMatch(/> tenant-0 /);
    expect(first).toMatch(/1 QUEUES 1,000 /);
    expect(first).toMatch(/2 WORKERS 200 .* 1-2 of 200/);
    const chosen = { ...INITIAL_VIEW.selections, queues: { id: "tenant-500", index: 3 } };
    const middle = show(model, 160, 50, { selections: chosen });
    expect(middle.find((line) => line.startsWith("> "))).toMatch(/^> tenant-500 /);
    expect(middle.join("\n")).toMatch(/48\d-5\d\d of 1,000/);
    const gone = { ...INITIAL_VIEW.selections, queues: { id: "removed", index: 5_000 } };
    expect(show(model, 80, 24, { selections: gone }).join("\n")).toMatch(/> tenant-999 /);
    expect(show(model, 80, 24, { sort: "waiting" }).join("\n")).toMatch(/> tenant-999 /);
  });

  it("asks before it changes something, and tells what happened", () => {
    const asked = show(busyModel, 80, 24, { question: { kind: "pause", queue: "mail" } });
    expect(asked.join("\n")).toContain("Pause the queue mail?");
    const notice = { text: `Refused: ${"a very long reason ".repeat(20)}`, isError: true };
    expect(show(busyModel, 80, 24, { notice }).slice(-3).join("\n")).toMatch(/^ Refused: a very[\s\S]*…$/);
  });

  it("says since when it can't read the server, and shows what it read last", () => {
    const problem = { since: ago(0), text: "Redis at 10.0.0.1:6379\nis away." };
    const [first, ...rest] = show({ ...busyModel, problem }, 80, 24);
    expect(first).toMatch(
      /^ No data since 12:00:00 UTC, trying again\. Redis at 10\.0\.0\.1:6379\\nis away\.$/,
    );
    expect(rest.join("\n")).toContain("1,203");
    const page = show({ ...busyModel, problem }, 80, 24, { page: { kind: "job", id: "a", scroll: 0 } });
    expect(page.at(-1)).toBe(first);
  });

  it("scrolls the page of a job to its end and no further", () => {
    const jobLines = Array.from({ length: 100 }, (_, index) => `line ${index} ${"x".repeat(100)}`);
    const options = { columns: 80, rows: 24, interval: 2_000, colors: pc.createColors(false), jobLines };
    const view: TopView = { ...INITIAL_VIEW, page: { kind: "job", id: "a", scroll: 1_000 } };
    expect(scrollOf(busyModel, view, options)).toBe(77);
    const lines = screenLines(busyModel, view, options);
    expect(lines[0]).toMatch(/^line 77 x+…$/);
    expect(lines.at(-2)).toMatch(/^line 99 /);
    expect(show(busyModel, 80, 24, { page: { kind: "help", scroll: 0 } })[0]).toBe("Keys");
  });

  it("shows one of a thousand as a bar, and none as a dot", () => {
    expect(sparkline([0, 1, 500, 1_000])).toBe("·▁▄█");
    expect(sparkline([0, 0])).toBe("··");
  });
});
