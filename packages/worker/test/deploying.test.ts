import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseDuration } from "@org/queue";
import { expect, test } from "vitest";
import { workerCommand } from "../src/cli/commands/worker.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { SETTINGS } from "../src/config/resolve-settings.ts";
import { EXIT_CODES } from "../src/exit-codes.ts";

const DOCS = new URL("../../../docs/", import.meta.url);
const page = readFileSync(new URL("deploying.md", DOCS), "utf8");
const file = (name: string) => readFileSync(new URL(`deploying/${name}`, DOCS), "utf8");

const FILES = [
  "Dockerfile",
  "compose.yaml",
  "ecosystem.config.cjs",
  "kubernetes.yaml",
  "queue-worker.service",
];
/** Between the time for handlers and the platform's kill: their grace, an engine that is away, closing. */
const MARGIN = 4_000;

const found = (text: string, pattern: RegExp): string => {
  const [, value] = pattern.exec(text) ?? [];
  if (value === undefined) throw new Error(`Nothing matches ${pattern}.`);
  return value;
};
const milliseconds = (text: string) => parseDuration(text)!;

test("the page shows the files as they are, and all of them", () => {
  expect(readdirSync(new URL("deploying/", DOCS)).sort()).toEqual(FILES);
  for (const name of FILES) expect(page).toContain(`\n${file(name)}\`\`\``);
});

test("each platform kills later than the worker stops", () => {
  const stops = ["compose.yaml", "kubernetes.yaml", "queue-worker.service", "ecosystem.config.cjs"].map(
    (name) => milliseconds(found(file(name), /QUEUE_STOP_TIMEOUT(?:[:=]|"?, value:)\s*"?(\w+)/)),
  );
  const kills = [
    found(file("compose.yaml"), /stop_grace_period: (\w+)/),
    `${found(file("kubernetes.yaml"), /terminationGracePeriodSeconds: (\d+)/)}s`,
    found(file("queue-worker.service"), /TimeoutStopSec=(\w+)/),
    `${found(file("ecosystem.config.cjs"), /kill_timeout: ([\d_]+)/).replace("_", "")}ms`,
  ].map(milliseconds);
  expect(kills.map((kill, index) => kill - stops[index]! >= MARGIN)).toEqual([true, true, true, true]);
});

test("flags, settings, commands and exit codes exist", () => {
  const all = page + FILES.map(file).join("\n");
  const flags = Object.keys(workerCommand.flags).concat("config");
  const lines = [...all.matchAll(/(?:bin\/queue |args: "|"|`)worker([^\n`]*)/g)].map(([, rest]) => rest!);
  const used = lines.flatMap((line) => [...line.matchAll(/--([a-z-]+)/g)].map(([, flag]) => flag!));
  expect(used.length).toBeGreaterThan(5);
  for (const flag of used) expect(flags).toContain(flag);
  const settings: readonly string[] = Object.values(SETTINGS).map(({ env }) => env);
  for (const [name] of all.matchAll(/QUEUE_(?!ENGINE)[A-Z_]+/g)) expect(settings).toContain(name);
  const commands = Object.values(COMMANDS).flatMap((group) => group.map(({ name }) => name));
  for (const [, name] of page.matchAll(/`queue ([a-z]+)/g)) expect(commands).toContain(name);
  const { USAGE, CONFIG, CRASH_LOOP, UNAVAILABLE, RESTART } = EXIT_CODES;
  expect(page).toContain(`Exit codes ${USAGE} and ${CONFIG} `);
  expect(page).toContain(`${CRASH_LOOP} (crash loop), ${UNAVAILABLE} (no engine) and ${RESTART} (over`);
  expect(file("queue-worker.service")).toContain(`RestartPreventExitStatus=${USAGE} ${CONFIG}`);
  expect(file("ecosystem.config.cjs")).toContain(`stop_exit_codes: [${USAGE}, ${CONFIG}]`);
});

test("the alerts are those of the page on observability", () => {
  const alerts = readFileSync(new URL("observability.md", DOCS), "utf8");
  const expressions = [...page.matchAll(/^\| [^|]+ \| `([^`]+)` \| \d+m/gm)].map(([, expr]) => expr!);
  expect(expressions.length).toBe(4);
  for (const expr of expressions) expect(alerts).toContain(`expr: ${expr}\n`);
  for (const [name] of page.matchAll(/queue_[a-z_]+/g)) expect(alerts).toContain(`\`${name}\``);
});

test("probes and ports fit each other", () => {
  for (const name of FILES) {
    for (const [, port] of file(name).matchAll(
      /(?:--port",? "?|--port |:|port: "?|containerPort: |EXPOSE )(9\d{3})\b/g,
    )) {
      expect(port).toBe("9400");
    }
  }
  const limit = Number(found(file("kubernetes.yaml"), /limits: \{ memory: (\d+)Mi/));
  expect(Number(found(file("kubernetes.yaml"), /QUEUE_MAX_MEMORY, value: "(\d+)"/))).toBeLessThan(
    limit * 0.85,
  );
  for (const path of file("kubernetes.yaml").matchAll(/path: (\/\w+)/g)) {
    expect(["/livez", "/readyz", "/metrics"]).toContain(path[1]);
  }
});

test("pm2's file is a module", () => {
  const { apps } = createRequire(import.meta.url)(new URL("deploying/ecosystem.config.cjs", DOCS).pathname);
  expect(apps[0].kill_timeout - milliseconds(apps[0].env.QUEUE_STOP_TIMEOUT)).toBeGreaterThanOrEqual(MARGIN);
});
