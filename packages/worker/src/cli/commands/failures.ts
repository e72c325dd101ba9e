import { type FailureGroup, type Queue, toWire } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { wholeNumber } from "../flags.ts";
import { formatAgo, formatCount } from "../output/figures.ts";
import { lineWidth } from "../output/table.ts";
import { cutEnd, oneLine } from "../output/text.ts";
import { unknownText } from "../query.ts";
import type { Terminal } from "../terminal.ts";

export const failuresCommand = defineCommand({
  name: "failures",
  summary: "groups failures that are alike: what fails, since when, how often",
  description:
    "The latest failure comes first. A group is named by its fingerprint: queue jobs error:FINGERPRINT.",
  flags: {
    message: { type: "string", short: "m", value: "NAME", description: "only of this message" },
    queue: { type: "string", short: "q", value: "NAME", description: "only of this queue" },
    limit: {
      type: "string",
      short: "n",
      value: "N",
      description: "at most this many groups, 1 to 1,000 (20)",
    },
  },
  examples: [
    ["queue failures", "what fails at the moment"],
    ["queue failures --message EMAIL --limit 5", "of one message"],
    ["queue jobs error:ECONNRESET", "the jobs of a group, by a part of its text"],
  ],
  async run({ flags }, context) {
    const limit = wholeNumber("limit", flags.limit, { min: 1, max: 1_000 }) ?? 20;
    const queue = await context.openQueue();
    const { terminal } = context;
    const groups: FailureGroup[] = [];
    let cursor: string | undefined;
    do {
      const page = await queue.failureGroups({
        message: flags.message,
        queue: flags.queue,
        limit: Math.min(100, limit - groups.length),
        cursor,
      });
      groups.push(...page.groups);
      cursor = page.cursor;
    } while (cursor !== undefined && groups.length < limit);
    if (flags.json) terminal.printJson(groups.map((group) => toWire(group)));
    else for (const [index, group] of groups.entries()) printGroup(terminal, group, index);
    if (groups.length === 0) terminal.inform(noneText(queue, flags.message));
    else if (cursor !== undefined)
      terminal.inform(`\nThere are more groups: queue failures --limit ${Math.min(1_000, limit * 5)}`);
    return EXIT_CODES.OK;
  },
});

function noneText({ registry }: Queue, message: string | undefined): string {
  const none = "No failures in the last two weeks.";
  return message === undefined || registry.get(message) ? none : `${none} ${unknownText([message])}`;
}

function printGroup(terminal: Terminal, group: FailureGroup, index: number): void {
  const { fingerprint, messageType, code, title, frame, firstAt, lastAt, failed, retried, samples } = group;
  const { colors } = terminal;
  const now = Date.now();
  const width = lineWidth(terminal);
  const counts = [
    ...(failed > 0 ? [colors.red(`${formatCount(failed)} failed`)] : []),
    ...(retried > 0 ? [colors.yellow(`${formatCount(retried)} retried`)] : []),
  ];
  const since = `last ${formatAgo(lastAt, now)}, first ${formatAgo(firstAt, now)}`;
  if (index > 0) terminal.print("");
  terminal.print(`${colors.bold(oneLine(messageType))}  ${oneLine(code)}  ${counts.join(", ")}`);
  terminal.print(`  ${cutEnd(oneLine(title), width - 2)}`);
  if (frame !== undefined) terminal.print(colors.dim(`  at ${cutEnd(oneLine(frame), width - 5)}`));
  terminal.print(colors.dim(`  ${since}`));
  const sample = samples[0] === undefined ? "" : `, the latest: ${oneLine(samples[0])}`;
  terminal.print(colors.dim(`  error:${oneLine(fingerprint)}${sample}`));
}
