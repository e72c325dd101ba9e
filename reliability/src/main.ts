import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { wholeNumber } from "./command-line.ts";
import { newSeed } from "./random.ts";
import { runScenario, type ScenarioResult } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const HELP = `Usage: npm run faults -- [--runs N] [--only NAME] [--seed N] [--json FILE]

Plays each scenario with real processes and its own Redis, and audits the result.

  --runs N     how often to play each scenario, with a different seed each time (1)
  --only NAME  only scenarios whose name contains NAME
  --seed N     the first seed; a failure prints its seed, to replay it with --only and --seed
  --json FILE  write the results as JSON

Scenarios:
${Object.entries(SCENARIOS)
  .map(([group, scenarios]) => [`  ${group}`, ...scenarios.map(describe)].join("\n"))
  .join("\n")}
`;

interface Failure {
  readonly scenario: string;
  readonly seed: number;
  readonly error: string;
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string", default: "1" },
      only: { type: "string", default: "" },
      seed: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const runs = wholeNumber("runs", values.runs, 1);
  const first = values.seed === undefined ? newSeed() : wholeNumber("seed", values.seed, 0);
  const chosen = Object.values(SCENARIOS)
    .flat()
    .filter(({ name }) => name.includes(values.only));
  if (chosen.length === 0) {
    process.stderr.write(`No scenario has "${values.only}" in its name.\n\n${HELP}`);
    return 2;
  }

  const results: ScenarioResult[] = [];
  const failures: Failure[] = [];
  for (let run = 0; run < runs; run++) {
    for (const scenario of chosen) await play(scenario, first + run, results, failures);
  }
  if (values.json) await writeFile(values.json, `${JSON.stringify({ results, failures }, null, 2)}\n`);
  process.stdout.write(summary(chosen, results, failures));
  return failures.length === 0 ? 0 : 1;
}

async function play(
  scenario: Scenario,
  seed: number,
  results: ScenarioResult[],
  failures: Failure[],
): Promise<void> {
  const { name } = scenario;
  try {
    const result = await runScenario(scenario, seed);
    results.push(result);
    const numbers = Object.entries(result.measured).map(([what, value]) => `${what} ${value}`);
    process.stderr.write(`  ok    ${name}, seed ${seed}, ${result.milliseconds} ms: ${numbers.join(", ")}\n`);
  } catch (error) {
    const { message, cause } = error as Error;
    failures.push({ scenario: name, seed, error: message });
    process.stderr.write(`  FAIL  ${message}\n${(cause as Error).stack ?? ""}\n`);
  }
}

function summary(
  chosen: readonly Scenario[],
  results: readonly ScenarioResult[],
  failures: readonly Failure[],
): string {
  const lines = ["| scenario | runs | failed | measured (worst) |", "|---|---|---|---|"];
  for (const { name } of chosen) {
    const own = results.filter(({ scenario }) => scenario === name);
    const failed = failures.filter(({ scenario }) => scenario === name).length;
    const worst: Record<string, number> = {};
    for (const { measured } of own) {
      for (const [what, value] of Object.entries(measured)) worst[what] = Math.max(worst[what] ?? 0, value);
    }
    const numbers = Object.entries(worst).map(([what, value]) => `${what}: ${value}`);
    lines.push(`| ${name} | ${own.length + failed} | ${failed} | ${numbers.join(", ")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function describe({ name, promise }: Scenario): string {
  return `    ${name.padEnd(24)} ${promise}`;
}

// An explicit exit also ends the suite's processes.
process.once("SIGINT", () => process.exit(130));

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    const isMisuse = String(error?.code).startsWith("ERR_PARSE_ARGS");
    process.stderr.write(isMisuse ? `${error.message}\n\n${HELP}` : `${error?.stack ?? error}\n`);
    process.exit(isMisuse ? 2 : 1);
  },
);
