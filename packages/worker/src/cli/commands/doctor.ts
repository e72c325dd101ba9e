import { join } from "node:path";
import type { Queue } from "@org/queue";
import type { LoadedConfig } from "../../config/load-config.ts";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { checkDefinitions } from "../doctor/config-checks.ts";
import { checkContracts } from "../doctor/contract-checks.ts";
import { checkDatabase } from "../doctor/database-checks.ts";
import { checkEngine, checkServerOfEnvironment, isReachable } from "../doctor/engine-checks.ts";
import { readInstalled } from "../doctor/installed-packages.ts";
import { checkNode } from "../doctor/node-checks.ts";
import { printReport } from "../doctor/print-report.ts";
import { type CheckGroup, checkGroup, ok, skipped } from "../doctor/report.ts";

export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "looks at Node, config, Redis, Postgres and contracts: what to fix",
  description:
    "Each line is ok, a warning or a problem with what to do; skipped is what this user may not look at. Changes nothing,\n" +
    "and ends within some ten seconds, also if a server is away. Exits with 0, or with 1 if there is a problem.",
  flags: {},
  examples: [
    ["queue doctor", "before the first deploy, and when something is odd"],
    ["queue doctor --json | jq '.groups[].checks[].text'", "for a script"],
  ],
  async run({ flags }, context) {
    const { terminal } = context;
    const groups = await examine(context);
    const isBad = groups.some(({ checks }) => checks.some(({ status }) => status === "problem"));
    if (flags.json) terminal.printJson({ ok: !isBad, groups });
    else printReport(terminal, groups);
    return isBad ? EXIT_CODES.FAILED : EXIT_CODES.OK;
  },
});

async function examine(context: CommandContext): Promise<readonly CheckGroup[]> {
  let loaded: LoadedConfig | undefined;
  let queue: Queue | undefined;
  const config = await checkGroup("Config", "config", async () => {
    loaded = await context.loadConfig();
    const opened = await context.openQueue({ isWatched: false, mayBeEmbedded: true });
    queue = opened;
    return [ok("config", `${loaded.path} is right.`), ...(await checkDefinitions(loaded, opened))];
  });
  // Read now: loading the config has read its .env files.
  const { env, cwd } = context;
  const file = loaded?.path ?? join(cwd, "queue.config.ts");
  const [server, database] = await Promise.all([
    checkGroup("Redis", "engine", async () => (queue ? checkEngine(queue) : checkServerOfEnvironment(env))),
    checkGroup("Postgres", "database", async () => (loaded ? checkDatabase(loaded, queue) : [])),
  ]);
  const groups = [{ name: "Node", checks: checkNode(file, env) }, config, server, database];
  if (!queue) return groups;
  if (!isReachable(server.checks)) {
    const text = "The server can't be reached, so live workers weren't looked at.";
    return [...groups, { name: "Contracts", checks: [skipped("workers", text)] }];
  }
  const opened = queue;
  const lacksRights = server.checks.some(({ check, status }) => check === "rights" && status === "problem");
  const contracts = await checkGroup("Contracts", "workers", () =>
    checkContracts(opened, readInstalled(file)?.version).catch((error: unknown) => {
      if (!lacksRights) throw error;
      return [skipped("workers", "This user lacks rights, so live workers weren't looked at.")];
    }),
  );
  return [...groups, contracts];
}
