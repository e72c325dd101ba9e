import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { COMMAND, runQueue } from "../support/run-queue.ts";
import { CONFIG, temporaryProject } from "../support/temporary-project.ts";

function timeOf(args: readonly string[]): number {
  const start = performance.now();
  execFileSync(process.execPath, args);
  return performance.now() - start;
}

/** The modules that a run loads, apart from Node's own. */
function modulesOf(args: readonly string[], cwd = "/"): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), "queue-modules-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  execFileSync(process.execPath, [COMMAND, ...args], {
    cwd,
    env: { ...process.env, NODE_V8_COVERAGE: directory },
  });
  const reports = readdirSync(directory).map((name) =>
    JSON.parse(readFileSync(join(directory, name), "utf8")),
  );
  return reports
    .flatMap(({ result }) => result.map(({ url }: { url: string }) => url))
    .filter((url) => url.startsWith("file:"));
}

describe("the help", () => {
  test("starts quickly", () => {
    const help: number[] = [];
    const node: number[] = [];
    for (let i = 0; i < 6; i++) {
      help.push(timeOf([COMMAND, "--help"]));
      node.push(timeOf(["--eval", 'console.log("")']));
    }
    // Node alone takes most of it. A busy machine slows both, and the least of all runs the least.
    expect(Math.min(...help) / Math.min(...node)).toBeLessThan(3);
  });

  test.each([[["--help"]], [["--version"]], [["check", "--help"]]])("loads little: %j", (args) => {
    const names = modulesOf(args).map(
      (url) => /node_modules\/(?!\.pnpm)((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? "own",
    );
    const allowed = args[0] === "check" ? ["@org/queue", "zod"] : [];
    expect(names.length).toBeGreaterThan(3);
    expect([...new Set(names)].filter((name) => !allowed.includes(name)).sort()).toEqual([
      "fastest-levenshtein",
      "own",
      "picocolors",
    ]);
  });
});

test("the app and the command share one @org/queue", () => {
  const loaded = modulesOf(["check"], temporaryProject({ "queue.config.ts": CONFIG }));
  expect(loaded.filter((url) => url.endsWith("/core/dist/index.js"))).toHaveLength(1);
});

/** The oldest Node that is supported, if this machine has it. */
const node20 = (process.env.PATH ?? "")
  .split(delimiter)
  .map((directory) => join(directory, "node"))
  .find(
    (path) => existsSync(path) && execFileSync(path, ["--version"], { encoding: "utf8" }).startsWith("v20."),
  );

test.skipIf(!node20)("a TypeScript config is loaded on Node 20", async () => {
  const cwd = temporaryProject({
    "tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }',
    "src/config.ts": CONFIG,
    "queue.config.ts": 'export { default } from "@/config";',
    "broken.ts": "type A = 1;\nthrow new Error('x');",
  });
  const run = (...args: string[]) => runQueue(["check", ...args], { cwd, node: node20! });
  const [found, broken] = await Promise.all([run("--json"), run("--config", "broken.ts")]);
  expect(found).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(found.stdout).queues).toEqual(["mails", "default"]);
  expect(broken).toEqual({ code: 78, stdout: "", stderr: `error: ${cwd}/broken.ts:2: x\n` });
});
