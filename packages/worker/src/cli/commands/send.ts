import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isQueueError, type Message, type Queue, type SendWireOptions, toWire } from "@org/queue";
import { closest } from "../../closest.ts";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { sendError } from "../change/send-error.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { choice, milliseconds, wholeNumber } from "../flags.ts";
import { oneLine } from "../output/text.ts";
import { readAll } from "../read-all.ts";
import { waitForJob } from "../wait-for-job.ts";

const POLICIES = ["cancel", "run", "hold"] as const;

export const sendCommand = defineCommand({
  name: "send",
  summary: "sends a job, its data checked by the message's schema",
  description:
    "Prints the job's id, and nothing else, to stdout. With --json: the job as it is stored, sensitive values masked.\n" +
    "The data is JSON as it travels: a date is its text.",
  arguments: [{ name: "MESSAGE", description: "its name, as in the registry" }],
  flags: {
    data: { type: "string", short: "d", value: "JSON", description: "the data; @FILE reads a file, - stdin" },
    after: {
      type: "string",
      value: "ID",
      multiple: true,
      description: "run after this job; may be repeated",
    },
    "on-failure": {
      type: "string",
      value: "POLICY",
      description: "if a job of --after fails: cancel, run or hold this one (cancel)",
    },
    delay: { type: "string", value: "TIME", description: "run after this time, as in 30s or 2h" },
    priority: { type: "string", value: "N", description: "0, the most urgent, to 1,000 (the message's)" },
    attempts: { type: "string", value: "N", description: "attempts in all, 1 to 1,000 (the message's)" },
    id: { type: "string", value: "ID", description: "the job's id; one that exists is not sent again" },
    dedupe: {
      type: "string",
      value: "KEY",
      description: "send nothing while a job with this key is unfinished",
    },
    window: {
      type: "string",
      value: "TIME",
      description: "and while it has completed, but was sent less than this ago",
    },
    user: { type: "string", short: "u", value: "ID", description: "on whose behalf" },
    metadata: { type: "string", value: "JSON", description: "an object that travels with the job" },
    "data-version": {
      type: "string",
      value: "N",
      description: "the version of the message that the data is of",
    },
    wait: {
      type: "boolean",
      short: "w",
      description: "wait for its end and print its result, as queue wait",
    },
    timeout: { type: "string", short: "t", value: "TIME", description: "longest to wait (no limit)" },
  },
  examples: [
    [`queue send EMAIL --data '{"to":"ada@example.org"}'`, "one job"],
    ["queue send REPORT --data @report.json --after 01jdy1k3v7e8m2n4p6q8r0s2", "after another one"],
    ["jq .plan plans.json | queue send PLAN_CREATE --data - --wait", "data of a pipe; waits for the result"],
  ],
  async run({ args: [name = ""], flags }, context) {
    const options = readOptions(flags);
    const timeout = milliseconds("timeout", flags.timeout);
    if (timeout !== undefined && !flags.wait) {
      throw new CommandError("--timeout goes with --wait.", EXIT_CODES.USAGE);
    }
    const queue = await context.openQueue();
    const message = findMessage(queue, name);
    const data = flags.data === undefined ? undefined : await readJson("data", flags.data, context);
    const { id, created } = await send(queue, message, { data, isGiven: flags.data !== undefined, options });
    const { terminal } = context;
    if (!created) terminal.inform(`Nothing new was sent: the job ${id} was there already.`);
    if (flags.wait) {
      terminal.inform(id);
      return waitForJob(queue, id, { context, timeout, json: flags.json });
    }
    const job = flags.json ? await queue.get(id) : undefined;
    if (flags.json)
      terminal.printJson(job ? toWire(job) : { id, messageType: message.name, queue: message.queue });
    else terminal.print(id);
    return EXIT_CODES.OK;
  },
});

type SendFlag =
  | "on-failure"
  | "delay"
  | "priority"
  | "attempts"
  | "id"
  | "dedupe"
  | "window"
  | "user"
  | "metadata"
  | "data-version";

function readOptions(
  flags: { readonly [Name in SendFlag]: string | undefined } & {
    readonly after: readonly string[] | undefined;
  },
): SendWireOptions {
  const count = { min: 1, max: 1_000 };
  const onFailure = choice("on-failure", flags["on-failure"], POLICIES);
  const window = milliseconds("window", flags.window);
  if (onFailure && !flags.after) throw new CommandError("--on-failure goes with --after.", EXIT_CODES.USAGE);
  if (window !== undefined && flags.dedupe === undefined)
    throw new CommandError("--window goes with --dedupe.", EXIT_CODES.USAGE);
  return {
    id: flags.id,
    userId: flags.user,
    delay: milliseconds("delay", flags.delay),
    priority: wholeNumber("priority", flags.priority, { ...count, min: 0 }),
    attempts: wholeNumber("attempts", flags.attempts, count),
    version: wholeNumber("data-version", flags["data-version"], { ...count, max: 1_000_000 }),
    ...(flags.metadata !== undefined && { metadata: parseJson("metadata", flags.metadata) as never }),
    ...(flags.dedupe !== undefined && { dedupe: { key: flags.dedupe, window: window ?? 1 } }),
    ...(flags.after && { dependsOn: flags.after.map((job) => ({ job, onFailure })) }),
  };
}

function findMessage({ registry }: Queue, name: string): Message {
  const message = registry.get(name);
  if (message) return message;
  const names = registry.messages.map((each) => each.name);
  const close = closest(name.toUpperCase(), names) ?? closest(name, names);
  const hint = close ? `Did you mean ${close}?` : `Its messages are: ${names.join(", ")}.`;
  throw new CommandError(
    `The registry has no message ${JSON.stringify(oneLine(name))}. ${hint}`,
    EXIT_CODES.USAGE,
  );
}

async function readJson(flag: string, given: string, { terminal, cwd }: CommandContext): Promise<unknown> {
  if (given === "-") return parseJson(flag, await readAll(terminal.stdin));
  if (!given.startsWith("@")) return parseJson(flag, given);
  const path = given.slice(1);
  const text = await readFile(resolve(cwd, path), "utf8").catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === "ENOENT" ? "there is no such file" : cause.message;
    throw new CommandError(`--${flag} ${oneLine(given)}: ${problem}.`, EXIT_CODES.USAGE, { cause });
  });
  return parseJson(flag, text);
}

function parseJson(flag: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (cause) {
    const problem = text.trim() === "" ? "it is empty" : (cause as Error).message;
    throw new CommandError(
      `--${flag} isn't JSON: ${problem}. In a shell, put it in single quotes.`,
      EXIT_CODES.USAGE,
      {
        cause,
      },
    );
  }
}

interface Sending {
  readonly data: unknown;
  /** Without data, a message that needs none is sent with `undefined` or `{}`. */
  readonly isGiven: boolean;
  readonly options: SendWireOptions;
}

async function send(queue: Queue, message: Message, { data, isGiven, options }: Sending) {
  const attempt = (value: unknown) => queue.sendWire(message.name, value, options);
  try {
    if (isGiven) return await attempt(data);
    return await attempt(undefined).catch((error: unknown) => {
      if (isQueueError(error, "INVALID_DATA")) return attempt({});
      throw error;
    });
  } catch (error) {
    throw await sendError(error, message, { isGiven });
  }
}
