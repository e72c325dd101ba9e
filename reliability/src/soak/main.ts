import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { wholeNumber } from "../command-line.ts";
import { newSeed, Random } from "../random.ts";
import { formatSoak, hasPassed } from "./report.ts";
import { soak } from "./soak.ts";

const HELP = `Usage: npm run soak -- [--minutes N] [--workers N] [--rate N] [--seed N] [--json FILE]

Runs worker and producer processes on a Redis of their own, breaks something every few seconds, then drains
the queues and audits every job. Exits with 1 when a promise was broken.

  --minutes N   how long (10)
  --workers N   worker processes, at least 2 (4)
  --rate N      jobs sent a second (2500)
  --seed N      the same choices of jobs and faults again
  --json FILE   the result as JSON

Ctrl-C ends it early, with the audits; a second one at once.
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

/** One line that is written over on a terminal. */
function progress(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function endedByUser(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    process.stderr.write("\nending: the queues are drained and audited first (Ctrl-C again: at once)\n");
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
