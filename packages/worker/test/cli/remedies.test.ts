import type { JobExplanation } from "@org/queue";
import { expect, test } from "vitest";
import { explanationWithCommands, reasonWithCommands } from "../../src/cli/remedies.ts";

test.each([
  [
    "failures",
    'Look at `queue.list({ state: "failed" })`, mend the cause, then retry them.',
    "Look at what fails: queue failures --queue mail. Mend the cause, then retry them: queue retry --where 'state:failed queue:mail'",
  ],
  ["paused", "Resume it when ready.", "When it may go on: queue resume mail"],
  [
    "unserved",
    "Start a worker that serves this queue.",
    "Start a worker that serves this queue (queue worker).",
  ],
  ["unhandled", "Start a worker that handles MAIL.", "Start a worker that handles MAIL (queue worker)."],
  ["memory", "Raise its `maxmemory`.", "Raise its `maxmemory`."],
] as const)("the remedy of %s is a command", (kind, remedy, shown) => {
  const reason = { status: "warning", kind, queue: "mail", text: "It is so.", remedy } as const;
  expect(reasonWithCommands(reason)).toEqual({ ...reason, remedy: shown });
});

test("reasons of a job name commands, in its summary too", () => {
  const paused = 'The queue mail is paused: nothing of it starts until `queue.resume("mail")`.';
  const explanation: JobExplanation = {
    id: "j1",
    state: "queued",
    summary: `The job j1 (MAIL) is queued. ${paused}`,
    reasons: [{ kind: "paused-queue", queue: "mail", text: paused }],
    dependents: [],
  };
  const { summary, reasons } = explanationWithCommands(explanation);
  expect(reasons[0]?.text).toMatch(/To resume it: queue resume mail$/);
  expect(summary).toBe(`The job j1 (MAIL) is queued. ${reasons[0]?.text}`);
});
