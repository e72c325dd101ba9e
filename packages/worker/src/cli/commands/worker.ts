import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { resolveSettings } from "../../config/resolve-settings.ts";
import type { WorkerSettings } from "../../config/settings.ts";
import { WorkerHost } from "../../host/worker-host.ts";
import { openLogs } from "../../logs/open-logs.ts";
import { FileWatch } from "../../supervisor/file-watch.ts";
import { SUPERVISED } from "../../supervisor/protocol.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import { defineCommand } from "../command.ts";
import { printToStderr } from "../terminal.ts";

export const workerCommand = defineCommand({
  name: "worker",
  summary: "runs the workers of the config until a signal stops them",
  description: `SIGTERM, SIGINT   running jobs get --stop-timeout to finish, then they are given back; a second one ends at once
SIGTSTP           claims nothing more, finishes what runs, and waits to be stopped
SIGTTIN           logs what runs
SIGHUP            with --processes: replaces one process after another, to load new code without a gap`,
  sharesStdout: true,
  flags: {
    processes: {
      type: "string",
      short: "n",
      value: "N",
      description: "worker processes; above 1 a supervisor keeps them running (1)",
    },
    concurrency: { type: "string", value: "N", description: "handlers at the same time, of each worker" },
    "stop-timeout": {
      type: "string",
      value: "TIME",
      description: "time for running jobs to finish when stopping (8s)",
    },
    watch: { type: "boolean", short: "w", description: "for development: starts again when a file changes" },
    port: { type: "string", value: "N", description: "port of /livez, /readyz and /metrics (none)" },
    host: { type: "string", value: "NAME", description: "address that they listen on (0.0.0.0)" },
    "log-level": { type: "string", value: "LEVEL", description: "debug, info, warn, error or silent (info)" },
    "log-format": { type: "string", value: "FORMAT", description: "json or pretty (pretty on a terminal)" },
    "max-memory": {
      type: "string",
      value: "MB",
      description: "resident memory at which a process is started again (none)",
    },
  },
  examples: [
    ["queue worker", "run the workers of queue.config.ts"],
    ["queue worker --watch", "start again whenever the code changes"],
    ["queue worker --processes 4 --port 9400", "four processes, with probes and metrics on one port"],
  ],
  async run({ flags }, context) {
    const isTerminal = context.terminal.stdout.isTTY === true;
    // As every command prints JSON with it.
    const flagged = flags["log-format"] ?? (flags.json ? "json" : undefined);
    // Lines of JSON stay lines of JSON: what the app prints goes to stderr.
    const format = flagged ?? context.env.QUEUE_LOG_FORMAT;
    const isPretty = format ? format === "pretty" : isTerminal;
    if (!isPretty) printToStderr();
    const loaded = await context.loadConfig();
    const settings = resolveSettings({
      flags: { ...flags, "log-format": flagged },
      env: context.env,
      config: loaded.config,
      isTerminal,
    });
    const isSupervised = context.env[SUPERVISED] !== undefined;
    if (isSupervised || (settings.processes === 1 && !flags.watch))
      return new WorkerHost(loaded, settings).run();
    return supervise(settings, flags.watch ? dirname(loaded.path) : undefined, loaded.initialEnv);
  },
});

async function supervise(
  settings: WorkerSettings,
  watched: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const { processes, stopTimeout, endpoints, watchdogs, restarts } = settings;
  const logs = openLogs(settings.logs);
  // The same command line: a process whose parent is a supervisor starts none.
  const [, program = fileURLToPath(import.meta.url), ...args] = process.argv;
  const supervisor = new Supervisor({
    processes,
    // A restart in development gives running attempts back at once.
    process: { command: [program, ...args], env: watched ? { ...env, QUEUE_STOP_TIMEOUT: "0ms" } : env },
    logger: logs.logger,
    stopTimeout,
    endpoints,
    blockedFor: Math.max(watchdogs.blockedFor, MIN_SILENCE),
    killBlockedAfter: watchdogs.killBlockedAfter,
    isWatching: watched !== undefined,
    restarts,
  });
  const watch = watched && (await FileWatch.start(watched, supervisor.orders, logs.logger));
  try {
    return await supervisor.run();
  } finally {
    await (watch || undefined)?.close();
    await logs.flush();
  }
}

/** A process under load may send its beat late, in milliseconds. */
const MIN_SILENCE = 2_000;
