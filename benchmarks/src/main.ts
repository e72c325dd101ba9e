import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Suite } from "./measurement.ts";
import { formatReport } from "./report.ts";
import { engineSuite } from "./suites/engine.ts";

const SUITES: readonly Suite[] = [engineSuite];

const HELP = `Usage: npm run bench -- SUITE [--quick] [--json [FILE]]

Suites:
${SUITES.map(({ name, describes }) => `  ${name.padEnd(10)} ${describes}`).join("\n")}

  --quick        fewer rounds and jobs
  --json [FILE]  the figures as JSON, to FILE or to standard output
`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    // A bare --json prints; parseArgs has no options with an optional value.
    args: args.map((arg, index) => (arg === "--json" && isOption(args[index + 1]) ? "--json=-" : arg)),
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
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
    process.stderr.write(`${positionals[0] ? `There is no suite "${positionals[0]}".\n\n` : ""}${HELP}`);
    return 2;
  }
  // Measuring takes minutes: a file that can't be written shows before.
  if (values.json && values.json !== "-") await writeFile(values.json, "");
  const progress = (line: string) => process.stderr.write(`  ${line}\n`);
  const measurements = await suite.run({ quick: values.quick, progress });
  if (values.json === "-") process.stdout.write(`${JSON.stringify(measurements, null, 2)}\n`);
  else process.stdout.write(formatReport(measurements));
  if (values.json && values.json !== "-")
    await writeFile(values.json, `${JSON.stringify(measurements, null, 2)}\n`);
  return 0;
}

function isOption(arg: string | undefined): boolean {
  return arg === undefined || arg.startsWith("-");
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    const isMisuse = String(error?.code).startsWith("ERR_PARSE_ARGS");
    process.stderr.write(isMisuse ? `${error.message}\n\n${HELP}` : `${error?.stack ?? error}\n`);
    process.exitCode = isMisuse ? 2 : 1;
  },
);
