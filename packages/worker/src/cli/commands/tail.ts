import {
  JOB_STATES,
  type JobEvent,
  type JobFilterOptions,
  type JobState,
  type Queue,
  toWire,
} from "@org/queue";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { formatCount } from "../output/figures.ts";
import { paintState } from "../output/states.ts";
import { lineWidth } from "../output/table.ts";
import { cutEnd, jsonText, oneLine } from "../output/text.ts";
import { readQuery, unknownText } from "../query.ts";
import type { Terminal } from "../terminal.ts";

/** Bytes that wait for a slow reader before events are skipped. */
const MAX_WAITING = 4_194_304;
const STATE_WIDTH = Math.max(...JOB_STATES.map(({ length }) => length));

export const tailCommand = defineCommand({
  name: "tail",
  summary: "prints what happens to jobs, as it happens, until Ctrl-C",
  description:
    "Follows all events, or those of a QUERY of state:, message: and queue:. Times are UTC. Events that happen while\n" +
    "the connection is lost are missed, which is told. With --json: one event a line, with results and progress.",
  arguments: [
    { name: "QUERY", description: "state:, message: and queue: conditions", required: false, rest: true },
  ],
  flags: {
    job: { type: "string", value: "ID", multiple: true, description: "only of this job; may be repeated" },
    progress: { type: "boolean", description: "also what handlers report on their way" },
  },
  examples: [
    ["queue tail", "everything"],
    ["queue tail state:failed queue:mail", "failures of one queue"],
    ["queue tail state:completed --json | jq .id", "for a script"],
  ],
  async run({ args, flags }, context) {
    const queue = await context.openQueue();
    const { state, message, queue: queues } = selectEvents(await readQuery(args, queue));
    const { terminal, signal } = context;
    const states = state === undefined ? JOB_STATES : [state].flat();
    const printer = new EventPrinter(terminal, flags.json === true);
    const stop = await queue.subscribe((event) => printer.print(event), {
      types: flags.progress ? [...states, "progress"] : states,
      detail: true,
      ...(message !== undefined && { messages: [message].flat() }),
      ...(queues !== undefined && { queues: [queues].flat() }),
      ...(flags.job && { jobs: flags.job }),
      onGap: () => terminal.inform("The connection was lost and is back: events may have been missed."),
    });
    for (const line of await doubts(queue, message, flags.job ?? [])) terminal.inform(line);
    terminal.inform("Waiting for events. Ctrl-C ends it.");
    await aborted(signal);
    await stop();
    return EXIT_CODES.OK;
  },
});

/** What may be misspelt. It may also be another app's, or come later. */
async function doubts(
  queue: Queue,
  message: JobFilterOptions["message"],
  ids: readonly string[],
): Promise<readonly string[]> {
  const names = [message ?? []].flat().map((one) => (typeof one === "string" ? one : one.name));
  const unknown = names.filter((name) => !queue.registry.get(name));
  const jobs = ids.length > 0 ? await queue.getMany(ids) : [];
  const missing = ids.filter((_, index) => !jobs[index]);
  return [
    ...(unknown.length > 0 ? [unknownText(unknown)] : []),
    ...missing.map((id) => `The job ${oneLine(id)} isn't stored: check the id.`),
  ];
}

/** The members of a filter that events can be chosen by. */
function selectEvents(filter: JobFilterOptions): Pick<JobFilterOptions, "state" | "message" | "queue"> {
  const { state, message, queue, ...others } = filter;
  if (Object.keys(others).length > 0) {
    throw new CommandError(
      "Events are chosen by state:, message: and queue: only. For one job: queue tail --job ID",
      EXIT_CODES.USAGE,
    );
  }
  return { state, message, queue };
}

async function aborted(signal: CommandContext["signal"]): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    // The event loop must stay alive on an engine without a connection.
    const alive = setInterval(() => undefined, 2 ** 30);
    signal.addEventListener("abort", () => clearInterval(alive), { once: true });
  });
}

class EventPrinter {
  readonly #terminal: Terminal;
  readonly #isJson: boolean;
  #skipped = 0;

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal;
    this.#isJson = isJson;
  }

  print(event: JobEvent): void {
    if (this.#terminal.stdout.writableLength > MAX_WAITING) {
      this.#skipped++;
      return;
    }
    if (this.#skipped > 0) {
      this.#terminal.inform(`${formatCount(this.#skipped)} events were skipped: what reads them is slow.`);
      this.#skipped = 0;
    }
    this.#terminal.print(this.#isJson ? jsonText(toWire(event)) : this.#line(event));
  }

  #line(event: JobEvent): string {
    const { colors } = this.#terminal;
    const { type, id, messageType, queue, at } = event;
    const time = at.toISOString().slice(11, 23);
    const state = type.padEnd(STATE_WIDTH);
    const head = `${time}  ${state}  ${oneLine(messageType)}  ${id}  `;
    const room = Math.max(20, lineWidth(this.#terminal) - head.length);
    const painted = type === "progress" ? colors.dim(state) : paintState(colors, type as JobState, state);
    return [
      colors.dim(time),
      painted,
      colors.bold(oneLine(messageType)),
      id,
      cutEnd(this.#detail(event) ?? colors.dim(oneLine(queue)), room),
    ].join("  ");
  }

  #detail(event: JobEvent): string | undefined {
    if (event.error) return oneLine(`${event.error.code}: ${event.error.message}`);
    return event.type === "progress" ? jsonText(toWire(event).progress) : undefined;
  }
}
