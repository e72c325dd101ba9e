import { PassThrough } from "node:stream";
import { QueueError } from "@org/queue";
import { describe, expect, test, vi } from "vitest";
import { defineCommand } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import type { CommandContext } from "../../src/cli/context.ts";
import { Interrupted } from "../../src/cli/interrupted.ts";
import { main } from "../../src/cli/main.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { CommandError, EXIT_CODES } from "../../src/exit-codes.ts";

/** What the command under test does. */
let work: () => Promise<number | undefined> = async () => undefined;
const close = vi.fn(async () => {});

vi.mock("../../src/cli/commands.ts", async (load) => {
  const { COMMANDS: real } = await load<typeof import("../../src/cli/commands.ts")>();
  const command = defineCommand({
    name: "probe",
    summary: "is for tests",
    description: "Its description.",
    arguments: [
      { name: "ID", description: "a job" },
      { name: "OTHER", description: "others", required: false, rest: true },
    ],
    flags: {
      where: { type: "string", short: "w", value: "QUERY", description: "which" },
      yes: { type: "boolean", description: "answers" },
    },
    examples: [["queue probe 1", "does it"]],
    run: () => work(),
  });
  const entry = { name: "probe", summary: command.summary, load: async () => command };
  return { COMMANDS: { ...real, Tests: [entry] } };
});

async function run(line: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal = new Terminal({ stdin: new PassThrough(), stdout, stderr, env: {} });
  const code = await main(line, {
    terminal,
    readVersion: () => "1.2.3",
    openContext: () => ({ terminal, close, unreachable: new Promise(() => {}) }) as unknown as CommandContext,
  });
  return { code, stdout: stdout.read()?.toString() ?? "", stderr: stderr.read()?.toString() ?? "" };
}

const throwing = async (error: unknown, ...flags: string[]) => {
  work = () => Promise.reject(error);
  return run(["probe", "1", ...flags]);
};

describe("the command", () => {
  test.each([[[]], [["--help"]], [["-h"]], [["help"]]])("lists its commands: %j", async (line) => {
    const { code, stdout } = await run(line);
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: queue COMMAND [arguments] [--flags]");
    for (const { name, summary } of Object.values(COMMANDS).flat()) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +${summary.replace(/[()]/g, ".")}$`, "m"));
    }
  });

  test.each([[["probe", "--help"]], [["probe", "-h"]], [["help", "probe"]], [["--help", "probe"]]])(
    "explains one of them: %j",
    async (line) => {
      const { code, stdout } = await run(line);
      expect(code).toBe(0);
      expect(stdout).toBe(`queue probe: is for tests

Usage: queue probe ID [OTHER…] [--flags]

Its description.

Arguments
  ID     a job
  OTHER  others

Flags
  -w, --where QUERY  which
      --yes          answers

Flags of every command
  -c, --config FILE  the config (queue.config.ts, found upwards)
      --json         print JSON: one document, or one a line for streams
      --verbose      print stacks of errors, and what the app prints
  -h, --help         print this

Examples
  # does it
  queue probe 1
`);
    },
  );

  test("says its version", async () => {
    expect(await run(["--version"])).toEqual({ code: 0, stdout: "1.2.3\n", stderr: "" });
  });

  test.each([
    [["prob"], "Unknown command prob. Did you mean probe? See: queue --help"],
    [["porbe", "1"], "Unknown command porbe. Did you mean probe? See: queue --help"],
    [["__proto__"], "Unknown command __proto__. See: queue --help"],
    [["help", "nothing"], "Unknown command nothing. See: queue --help"],
    [["--colour"], "Unknown flag --colour. See: queue --help"],
    [["--config=x", "probe"], "--config comes after the command: queue COMMAND --config. See: queue --help"],
    [["probe", "1", "--were", "x"], "Unknown flag --were. Did you mean --where? See: queue probe --help"],
    [["probe", "1", "--__proto__"], "Unknown flag --__proto__. See: queue probe --help"],
    [["probe", "1", "-x"], "Unknown option '-x'. See: queue probe --help"],
    [["probe", "1", "--where"], "Option '-w, --where <value>' argument missing. See: queue probe --help"],
    [["probe", "1", "--yes=no"], "Option '--yes' does not take an argument. See: queue probe --help"],
    [["probe"], "ID is missing: a job. See: queue probe --help"],
    [["check", "me"], '"me" is one argument too many. See: queue check --help'],
  ])("refuses %j", async (line, message) => {
    expect(await run(line)).toEqual({ code: 64, stdout: "", stderr: `error: ${message}\n` });
  });
});

describe("an error of a command", () => {
  test.each([
    [new CommandError("No job x."), 1, "No job x."],
    [new CommandError("Away.", EXIT_CODES.UNAVAILABLE), 69, "Away."],
    [
      new QueueError("ENGINE_UNAVAILABLE", "Redis is away."),
      69,
      "Redis is away. To look closer: queue doctor",
    ],
    [
      new QueueError("ENGINE_MISCONFIGURED", "Redis evicts."),
      78,
      "Redis evicts. To look closer: queue doctor",
    ],
    [new QueueError("JOB_NOT_FOUND", "No job."), 1, "No job."],
    [new QueueError("UNKNOWN_MESSAGE", "list: the message X is unknown."), 1, "The message X is unknown."],
  ])("is one line: %s", async (error, code, message) => {
    expect(await throwing(error)).toEqual({ code, stdout: "", stderr: `error: ${message}\n` });
  });

  test("names a package that isn't installed", async () => {
    const message =
      "Cannot find package '@org/queue' imported from /app/node_modules/@org/queue-worker/dist/stats.js";
    expect(await throwing(Object.assign(new Error(message), { code: "ERR_MODULE_NOT_FOUND" }))).toEqual({
      code: 78,
      stdout: "",
      stderr: "error: The package @org/queue isn't installed. Run: npm install @org/queue\n",
    });
  });

  test.each([
    [new TypeError("x is not a function"), "TypeError: x is not a function"],
    [new Error(""), "An error without a message."],
    [null, "Something threw null."],
    ["text", "Something threw 'text'."],
    [Object.create(null), "Something threw [Object: null prototype] {}."],
  ])("that nobody expected says where its origin is: %s", async (error, message) => {
    expect(await throwing(error)).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${message}\n--verbose prints where it is from.\n`,
    });
  });

  test("has its stack and its causes with --verbose", async () => {
    const error = new CommandError("It failed.", EXIT_CODES.FAILED, {
      cause: new Error("outer", { cause: new Error("inner") }),
    });
    const { stderr } = await throwing(error, "--verbose");
    expect(stderr).toMatch(/^error: It failed\.\nError: outer\n +at /);
    expect(stderr).toMatch(/\[cause\]: Error: inner\n +at /);
  });

  test("is JSON with --json", async () => {
    const parse = async (error: unknown, ...flags: string[]) =>
      JSON.parse((await throwing(error, ...flags)).stderr);
    expect(await parse(new CommandError("Bad.", EXIT_CODES.CONFIG), "--json")).toEqual({
      error: { code: "CONFIG", message: "Bad." },
    });
    expect(await parse(new QueueError("JOB_NOT_FOUND", "No job."), "--json")).toEqual({
      error: { code: "JOB_NOT_FOUND", message: "No job." },
    });
    expect(await parse(new Error("x"), "--json", "--verbose")).toEqual({
      error: { code: "FAILED", message: "x", stack: expect.stringContaining("at ") },
    });
    const { code, stderr } = await run(["probe", "--json"]);
    expect([code, JSON.parse(stderr)]).toEqual([
      64,
      { error: { code: "USAGE", message: "ID is missing: a job. See: queue probe --help" } },
    ]);
  });

  test("comes before one of closing, which counts by itself", async () => {
    close.mockRejectedValueOnce(new Error("closing")).mockRejectedValueOnce(new Error("closing"));
    expect((await throwing(new CommandError("first"))).stderr).toBe("error: first\n");
    work = async () => undefined;
    expect(await run(["probe", "1"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: closing\n/),
    });
  });

  test("is silent when a signal has ended it", async () => {
    expect(await throwing(new Interrupted("SIGINT", 130))).toEqual({ code: 130, stdout: "", stderr: "" });
  });
});

test("a command's exit code is the process's, and everything is closed", async () => {
  close.mockClear();
  work = async () => EXIT_CODES.UNHEALTHY;
  expect(await run(["probe", "1"])).toEqual({ code: 2, stdout: "", stderr: "" });
  expect(close).toHaveBeenCalledOnce();
});

test("help fits a terminal, and the rows of its tables stay rows", async () => {
  const lengths: number[] = [];
  for (const { name } of Object.values(COMMANDS).flat()) {
    const { stdout } = await run([name, "--help"]);
    lengths.push(...stdout.split("\n").map((line: string) => line.length));
  }
  expect(Math.max(...lengths)).toBeLessThanOrEqual(80);
  expect((await run(["worker", "--help"])).stdout).toContain(`
SIGTERM, SIGINT   running jobs get --stop-timeout to finish, then they are given
                  back; a second one ends at once
SIGTSTP           claims nothing more,`);
});
