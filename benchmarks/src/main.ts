import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Measurement, Suite, Verdict } from "./measurement.ts";
import { formatReport } from "./report.ts";
import { engineSuite } from "./suites/engine.ts";
import { eventsSuite } from "./suites/events/index.ts";
import { outboxSuite } from "./suites/outbox.ts";
import { peersSuite } from "./suites/peers/index.ts";
import { workersSuite } from "./suites/workers.ts";

const SUITES: readonly Suite[] = [engineSuite, eventsSuite, outboxSuite, workersSuite, peersSuite];

const HELP = `Usage: npm run bench -- SUITE [--quick] [--only CASE]… [--json [FILE]] [--docs] [--strict]

Suites:
${SUITES.map(describeSuite).join("\n")}

  --quick           fewer rounds and jobs, for a rough look; don't quote the figures
  --only CASE       only cases whose names contain CASE; repeatable
  --json [FILE]     write the figures as JSON, to FILE or standard output
  --docs            write the suite's page in docs/ from this run
  --docs-from FILE  write the page from the JSON of an earlier run, without measuring
  --strict          exit with 1 if a budget isn't met
`;

class UsageError extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    // A bare --json prints. parseArgs has no options with an optional value.
    args: args.map((arg, index) => (arg === "--json" && isOption(args[index + 1]) ? "--json=-" : arg)),
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      docs: { type: "boolean", default: false },
      "docs-from": { type: "string" },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const suite = SUITES.find(({ name }) => name === positionals[0]);
  if (!suite || positionals.length !== 1) {
    throw new UsageError(positionals[0] ? `There is no suite "${positionals[0]}".` : "");
  }
  for (const part of values.only) assertMatches(suite, part);
  const { page } = suite;
  if ((values.docs || values["docs-from"] !== undefined) && !page) {
    throw new UsageError(`The suite ${suite.name} has no page.`);
  }
  if (values["docs-from"] !== undefined) {
    const stored: readonly Measurement[] = JSON.parse(await readFile(values["docs-from"], "utf8"));
    await writePage(page!, stored);
    return 0;
  }
  // A page of some cases would look complete.
  if (values.docs && values.only.length > 0)
    throw new UsageError("--docs needs all cases. Leave out --only.");
  // Measuring takes minutes, so fail before it if the file can't be written.
  if (values.json && values.json !== "-") await writeFile(values.json, "");
  const progress = (line: string) => process.stderr.write(`  ${line}\n`);
  const measurements = await suite.run({ quick: values.quick, only: values.only, progress });
  const json = `${JSON.stringify(measurements, null, 2)}\n`;
  process.stdout.write(values.json === "-" ? json : (suite.report ?? formatReport)(measurements));
  if (values.json && values.json !== "-") await writeFile(values.json, json);
  if (values.docs) await writePage(page!, measurements);
  const verdicts = suite.judge?.(measurements) ?? [];
  if (verdicts.length > 0) process.stderr.write(`\n${formatVerdicts(verdicts)}`);
  return values.strict && verdicts.some(({ isMet }) => !isMet) ? 1 : 0;
}

async function writePage(page: NonNullable<Suite["page"]>, measurements: readonly Measurement[]) {
  await writeFile(page.file, page.render(measurements));
  process.stderr.write(`  wrote ${fileURLToPath(page.file)}\n`);
}

function describeSuite({ name, describes, cases = [] }: Suite): string {
  const lines = [`  ${name.padEnd(10)} ${describes}`, ...cases.map((title) => `${" ".repeat(15)}${title}`)];
  return lines.join("\n");
}

function formatVerdicts(verdicts: readonly Verdict[]): string {
  const width = Math.max(...verdicts.map(({ promise }) => promise.length));
  return verdicts
    .map(
      ({ promise, found, isMet }) =>
        `  ${isMet ? "met    " : "NOT MET"}  ${promise.padEnd(width)}  ${found}\n`,
    )
    .join("");
}

function assertMatches({ name, cases = [] }: Suite, part: string): void {
  if (cases.some((title) => title.toLowerCase().includes(part.toLowerCase()))) return;
  throw new UsageError(`The suite ${name} has no case that contains "${part}".`);
}

function isOption(arg: string | undefined): boolean {
  return arg === undefined || arg.startsWith("-");
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    const isMisuse = error instanceof UsageError || String(error?.code).startsWith("ERR_PARSE_ARGS");
    const text = isMisuse ? [error.message, HELP].filter(Boolean).join("\n\n") : `${error?.stack ?? error}\n`;
    process.stderr.write(text);
    process.exitCode = isMisuse ? 2 : 1;
  },
);
