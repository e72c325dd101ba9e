import { Writable } from "node:stream";
import { isQueueError, type Queue } from "@org/queue";
import { printGone, readJob } from "../job.ts";
import { printJobPage } from "../output/job-page.ts";
import { wrap } from "../output/text.ts";
import { Terminal } from "../terminal.ts";

interface JobLinesOptions {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly columns: number;
}

/** The page of `queue job`, as lines of the screen. */
export async function readJobLines(
  queue: Queue,
  id: string,
  { terminal, env, columns }: JobLinesOptions,
): Promise<readonly string[]> {
  let text = "";
  const stdout = new Writable({
    write: (chunk, _, done) => {
      text += chunk;
      done();
    },
    decodeStrings: false,
  });
  const page = new Terminal({
    stdin: terminal.stdin,
    stdout: Object.assign(stdout, { isTTY: true, columns }),
    stderr: terminal.stderr,
    env,
  });
  try {
    const { job, explanation, graph } = await readJob(queue, id);
    if (job && graph) printJobPage(page, { job, explanation, graph }, { isVerbose: false });
    else printGone(page, explanation);
  } catch (error) {
    if (!isQueueError(error, "JOB_NOT_FOUND")) throw error;
    return wrap(error.message, columns);
  }
  return text.trimEnd().split("\n");
}
