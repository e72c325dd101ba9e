import type { Message, Queue } from "@org/queue";
import type { WorkerDefinition } from "../../config/config.ts";
import { checkHandlers, handledNames, openDefinitions } from "../../config/open-config.ts";
import { resolveSettings } from "../../config/resolve-settings.ts";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { namesRedis, readInstalled } from "../doctor/installed-packages.ts";
import type { Terminal } from "../terminal.ts";

interface Report {
  readonly config: string;
  readonly queues: readonly string[];
  readonly messages: readonly {
    readonly name: string;
    readonly version: number;
    readonly queue: string;
    readonly handled: boolean;
  }[];
  readonly warnings: readonly string[];
}

export const checkCommand = defineCommand({
  name: "check",
  summary: "checks the config, and starts nothing",
  description: `Loads the config and its .env files, opens its queue and handlers, and compares the handlers with the messages of the
registry. Nothing is claimed or sent. Warnings don't make it fail.`,
  flags: {},
  examples: [
    ["queue check", "check queue.config.ts, for example before a deploy"],
    ["queue check --config apps/web --json", "check another one, for a script"],
  ],
  async run({ flags }, context) {
    const loaded = await context.loadConfig();
    resolveSettings({ flags: {}, env: context.env, config: loaded.config });
    const queue = await context.openQueue({ isWatched: false, mayBeEmbedded: true });
    const compared = compare(loaded.path, queue, await openDefinitions(loaded));
    const report = {
      ...compared,
      warnings: [...compared.warnings, ...warnOfPackages(loaded.path, context.env)],
    };
    if (flags.json) context.terminal.printJson(report);
    else print(report, context.terminal);
    return EXIT_CODES.OK;
  },
});

function compare(path: string, queue: Queue, definitions: readonly WorkerDefinition[]): Report {
  checkHandlers(path, queue, definitions);
  const handled = handledNames(definitions);
  const messages = queue.registry.messages.map((message) => describe(message, handled));
  return { config: path, queues: queue.registry.queues, messages, warnings: warn(messages) };
}

function describe({ name, version, queue }: Message, handled: readonly string[]) {
  return { name, version, queue, handled: handled.includes(name) };
}

function warn(messages: Report["messages"]): string[] {
  if (messages.length === 0) return ["The registry has no messages."];
  const others = messages.filter(({ handled }) => !handled).map(({ name }) => name);
  if (others.length === 0) return [];
  if (others.length === messages.length) return ["The config has no handlers: it can't run workers."];
  const plural = others.length === 1 ? "its jobs wait" : "their jobs wait";
  return [`No handler for ${others.join(", ")}: ${plural} for another app's workers.`];
}

/** What the engine would load with its first call. */
function warnOfPackages(path: string, env: CommandContext["env"]): string[] {
  const ioredis = readInstalled(path)?.peers.find(({ name }) => name === "ioredis");
  if (!ioredis || ioredis.isSupported || !namesRedis(env)) return [];
  const { version, range } = ioredis;
  const found =
    version === undefined ? "ioredis isn't installed" : `ioredis ${version} is installed, ${range} is needed`;
  return [`The environment names a Redis server, and ${found}. Run: npm install ioredis@${range}`];
}

function print({ config, queues, messages, warnings }: Report, terminal: Terminal): void {
  const { bold, dim, green, yellow } = terminal.colors;
  terminal.print(`${green("ok")} ${config}`);
  const width = Math.max(0, ...messages.map(({ name }) => name.length));
  for (const queue of queues) {
    terminal.print("");
    terminal.print(`${dim("queue")} ${bold(queue)}`);
    for (const message of messages) {
      if (message.queue !== queue) continue;
      const version = `v${message.version}`;
      const state = message.handled ? green("handled") : yellow("no handler");
      terminal.print(`  ${message.name.padEnd(width)}  ${dim(version.padEnd(4))}  ${state}`);
    }
  }
  if (warnings.length > 0) terminal.print("");
  for (const warning of warnings) terminal.print(`${yellow("warning:")} ${warning}`);
  terminal.print(`\n${dim("No server was contacted: queue doctor does that.")}`);
}
