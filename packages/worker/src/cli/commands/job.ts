import { toWire } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { wholeNumber } from "../flags.ts";
import { printGone, readJob } from "../job.ts";
import { printJobPage } from "../output/job-page.ts";

export const jobCommand = defineCommand({
  name: "job",
  summary: "shows one job: data, attempts, errors, why it waits, log, graph",
  description:
    "Values that the message calls sensitive are masked. --verbose shows stacks and long values as a whole.\n" +
    "Times are UTC. With --json: { job, explanation, graph }, where job is null once its retention is over.",
  arguments: [{ name: "ID", description: "the job's id" }],
  flags: {
    depth: { type: "string", value: "N", description: "edges that the graph reaches, 0 to 100 (10)" },
  },
  examples: [
    ["queue job 01jdy1k3v7e8m2n4p6q8r0s2", "all of it"],
    ["queue job 01jdy1k3v7e8m2n4p6q8r0s2 --json | jq .job.data", "its data"],
  ],
  async run({ args, flags }, context) {
    const [id = ""] = args;
    const depth = wholeNumber("depth", flags.depth, { min: 0, max: 100 });
    const queue = await context.openQueue();
    const { terminal } = context;
    const { job, explanation, graph } = await readJob(queue, id, depth);
    if (flags.json) {
      terminal.printJson({
        job: job && toWire(job),
        explanation: toWire(explanation),
        graph: graph && toWire(graph),
      });
    } else if (job && graph) {
      printJobPage(terminal, { job, explanation, graph }, { isVerbose: flags.verbose === true });
    } else {
      printGone(terminal, explanation);
    }
    return EXIT_CODES.OK;
  },
});
