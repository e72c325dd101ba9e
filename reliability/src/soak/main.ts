import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { wholeNumber } from "../command-line.ts";
import { newSeed, Random } from "../random.ts";
import { formatSoak, hasPassed } from "./report.ts";
import { soak } from "./soak.ts";

const HELP = `Usage: npm run soak -- [--minutes N] [--workers N] [--rate N] [--seed N] [--json FILE]

Runs worker and producer processes on their own Redis, injects a fault every few seconds, then drains the queues
and audits every job. Exits with 1 if a promise was broken.

  --minutes N   duration (10)
  --workers N   worker processes, at least 2 (4)
  --rate N      jobs sent per second (2500)
  --seed N      repeat the jobs and faults of an earlier soak
  --json FILE   write the result as JSON

Ctrl-C ends it early, with the audits. A second Ctrl-C exits at once.
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "10" },
      workers: { type: "string", default: "4" },
      rate: { type: "string", default: "2500" },
      seed: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const options = {
    minutes: wholeNumber("minutes", values.minutes, 1),
    workers: wholeNumber("workers", values.workers, 2),
    rate: wholeNumber("rate", values.rate, 1),
    random: new Random(values.seed === undefined ? newSeed() : wholeNumber("seed", values.seed, 0)),
  };
  process.stderr.write(`seed ${options.random.seed}\n`);
  const result = await soak({ ...options, signal: endedByUser(), progress });
  process.stderr.write("\n");
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(formatSoak(result));
  return hasPassed(result) ? 0 : 1;
}

/** Prints one line, which the next one overwrites on a terminal. */
function progress(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function endedByUser(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    process.stderr.write("\nEnding after drain and audits. Press Ctrl-C again to exit at once.\n");
  });
  return controller.signal;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    const isMisuse = String(error?.code).startsWith("ERR_PARSE_ARGS");
    process.stderr.write(isMisuse ? `${error.message}\n\n${HELP}` : `${error?.stack ?? error}\n`);
    process.exit(isMisuse ? 2 : 1);
  },
);
