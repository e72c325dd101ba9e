import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { milliseconds } from "../flags.ts";
import { TopReader } from "../top/reader.ts";
import { TopSession } from "../top/session.ts";

const MIN_INTERVAL = 500;
const MAX_INTERVAL = 3_600_000;

export const topCommand = defineCommand({
  name: "top",
  summary: "a live view: queues, rates, workers, what runs longest, what failed last",
  description:
    "Needs a terminal of 40 columns and 10 lines or more; 80 and 24 show everything. ? lists the keys: pause or resume a\n" +
    "queue, open a job, retry a failed one. What changes something asks first. A user who may only read can look.",
  flags: {
    interval: {
      type: "string",
      short: "n",
      value: "TIME",
      description: "how often it reads, 500ms to 1h (2s)",
    },
  },
  examples: [
    ["queue top", "all queues, every two seconds"],
    ["queue top --interval 10s", "with less load for the server"],
  ],
  async run({ flags }, context) {
    const { terminal, env, signal } = context;
    const interval = milliseconds("interval", flags.interval) ?? 2_000;
    if (interval < MIN_INTERVAL || interval > MAX_INTERVAL) {
      throw new CommandError(`--interval is ${flags.interval}: expected 500ms to 1h.`, EXIT_CODES.USAGE);
    }
    if (flags.json) {
      throw new CommandError("queue top draws on a terminal. For JSON: queue stats --json", EXIT_CODES.USAGE);
    }
    if (!terminal.stdin.isTTY || !terminal.stdout.isTTY || env.TERM === "dumb") {
      throw new CommandError(
        "queue top needs a terminal that it can draw on. For one reading: queue stats",
        EXIT_CODES.USAGE,
      );
    }
    const queue = await context.openQueue();
    const reader = new TopReader(queue);
    // An error of the first reading is told as by any command.
    const model = await reader.read();
    signal.throwIfAborted();
    const session = new TopSession({ queue, reader, terminal, env, interval }, model);
    const onAbort = () => session.end();
    signal.addEventListener("abort", onAbort, { once: true });
    session.start();
    // The subscription ends with the queue.
    void reader.follow(() => session.onFailure());
    await session.done;
    signal.removeEventListener("abort", onAbort);
    return EXIT_CODES.OK;
  },
});
