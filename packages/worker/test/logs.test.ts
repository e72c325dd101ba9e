import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PROGRAM = new URL("programs/logging-worker.ts", import.meta.url).pathname;
const JOB = expect.stringMatching(/^[0-9a-z]{10,}$/);

const outputs = new Map<string, Promise<string>>();

/** What the program prints; tests share its runs. */
function run(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const key = JSON.stringify([args, env]);
  const known = outputs.get(key) ?? print(args, env);
  outputs.set(key, known);
  return known;
}

async function print(args: readonly string[], env: Record<string, string>): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--conditions=@org/source", PROGRAM, ...args],
    { env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "", ...env } },
  );
  expect(stderr).toBe("");
  return stdout;
}

const lines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("JSON has one line at the start and at the end of each attempt, with what an operator asks for", async () => {
  const all = lines(await run(["json", "debug"]));
  const ofUser = all.filter(({ user }) => user === "user-1");
  const job = { job: JOB, message: "SIGN_UP", queue: "default", attempt: 1, user: "user-1" };
  expect(ofUser).toEqual([
    expect.objectContaining({ level: "debug", ...job, msg: "Started SIGN_UP." }),
    expect.objectContaining({ level: "info", ...job, step: 1, msg: "Signing up with [redacted]" }),
    expect.objectContaining({ level: "warn", ...job, msg: "From a timer" }),
    expect.objectContaining({
      level: "info",
      ...job,
      outcome: "completed",
      duration: expect.any(Number),
      resultSize: '{"id":"u1"}'.length,
      msg: expect.stringMatching(/^Completed SIGN_UP in \d+ ms\.$/),
    }),
  ]);
  for (const { time, pid } of all) {
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(pid).toEqual(expect.any(Number));
  }
});

test("a failure has its error with stack and causes: a warning with the time of the next attempt, then an error", async () => {
  const failures = lines(await run(["json", "info"])).filter(({ msg }) =>
    `${msg}`.includes("Can't sign up Bob"),
  );
  const err = {
    type: "Error",
    code: "HANDLER_FAILED",
    stack: expect.stringMatching(/^Error: Can't sign up Bob, attempt \d\n +at .*logging-worker\.ts:\d+:\d+/),
    cause: {
      type: "Error",
      message: "No row for [redacted] and [redacted]",
      stack: expect.stringContaining("logging-worker.ts"),
      cause: { type: "TypeError", message: "refused", stack: expect.any(String) },
    },
  };
  expect(failures).toEqual([
    expect.objectContaining({
      level: "warn",
      outcome: "retrying",
      attempt: 1,
      retryAt: expect.stringMatching(/Z$/),
      err: { ...err, message: "Can't sign up Bob, attempt 1" },
      msg: expect.stringMatching(
        /^Attempt 1 of 2 of SIGN_UP failed after \d+ ms: Can't sign up Bob, attempt 1\. Next attempt in 20 ms\.$/,
      ),
    }),
    expect.objectContaining({
      level: "error",
      outcome: "failed",
      attempt: 2,
      err: { ...err, message: "Can't sign up Bob, attempt 2" },
      msg: expect.stringMatching(
        /^SIGN_UP failed for good after \d+ ms, in attempt 2 of 2: Can't sign up Bob, attempt 2\.$/,
      ),
    }),
  ]);
});

test("sensitive values appear nowhere: not in fields, texts, errors, causes or the job's own log", async () => {
  for (const format of ["json", "pretty"]) {
    const stdout = await run([format, format === "json" ? "debug" : "info"]);
    expect(stdout).not.toMatch(/hunter2|48151/);
    expect(stdout).toContain("Bearer [redacted]");
  }
});

test("lines of handlers reach the job's own log if asked", async () => {
  const [line] = lines(await run(["json", "info"])).filter(({ msg }) => msg === "Outside of any job");
  expect(line).not.toHaveProperty("job");
  expect(line!.jobLog).toEqual([
    expect.stringMatching(/^Signing up with \[redacted\] \{"step":1,"data":\{"name":"Ada"/),
    "warn: From a timer",
  ]);
});

test("texts of users break neither lines nor colours", async () => {
  const json = await run(["json", "info"]);
  const hostile = 'a\r\nb \u001b[31mred\u001b[0m \u009b31m \u2028 \u202e rtl \ud800 {"level":"error"}';
  const [line] = lines(json).filter(({ msg }) => msg === hostile);
  expect(line).toMatchObject({ text: hostile, [hostile]: 1, deep: { text: hostile }, message: "HOSTILE" });
  const pretty = await run(["pretty", "info"]);
  // Without the escapes of colours, there is no control left but the end of lines.
  for (const stdout of [json, pretty])
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\u202e\ufffe]/u);
  const coloured = await run(["pretty", "info"], { FORCE_COLOR: "1" });
  expect(coloured).toContain("\u001b[31mERROR");
  expect(coloured).not.toContain("\u001b[31mred");
  // Each line begins with a time, or is indented below one that does.
  for (const shown of pretty.trimEnd().split("\n")) expect(shown).toMatch(/^(\d\d:\d\d:\d\d\.\d{3} | {4})/);
});

test("fields can't replace the level, the time or the text of their line", async () => {
  const [line] = (await run(["json", "info"])).split("\n").filter((each) => each.includes("Taken names"));
  expect(JSON.parse(line!)).toMatchObject({
    level: "info",
    level_: "error",
    time_: 1,
    msg_: "forged",
    msg: "Taken names",
  });
  expect(line!.match(/"(level|time|pid|msg)":/g)).toHaveLength(4);
});

test("people read the text first, then the fields that it doesn't name", async () => {
  const pretty = await run(["pretty", "info"]);
  expect(pretty).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} {2}INFO: Completed SIGN_UP in \d+ ms\. {2}job=\w+ attempt=1 user=user-1 resultSize=11$/m,
  );
  expect(pretty).toMatch(/^ {4}caused by: TypeError: refused$/m);
});
