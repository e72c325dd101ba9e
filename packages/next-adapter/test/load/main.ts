/** `npm run load`: 2,000 clients for ten minutes. */
import { parseArgs } from "node:util";
import { runLoad } from "./run-load.ts";

const HELP = `npm run load -- [--clients N] [--jobs N] [--followed N] [--rate N] [--minutes N]

Opens stream clients against one process of the routes, each following some of the jobs, while another process
changes jobs. Prints delays from a job's end to a client, and the server's memory. By default 2,000 clients
follow 50 of 2,000 jobs each for ten minutes, with 500 changes a second.`;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "2000" },
    jobs: { type: "string", default: "2000" },
    followed: { type: "string", default: "50" },
    rate: { type: "string", default: "500" },
    minutes: { type: "string", default: "10" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help) console.log(HELP);
else {
  const report = await runLoad({
    clients: Number(values.clients),
    jobs: Number(values.jobs),
    followed: Number(values.followed),
    rate: Number(values.rate),
    duration: Number(values.minutes) * 60_000,
    onProgress: (line) => console.log(line),
  });
  console.log(report);
}
