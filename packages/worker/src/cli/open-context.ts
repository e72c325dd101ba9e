import { constants } from "node:os";
import type { Queue } from "@org/queue";
import type { DatabaseDefinition } from "../config/config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { within } from "../within.ts";
import type { CommandContext, OpenQueueOptions } from "./context.ts";
import { EngineWatch } from "./engine-watch.ts";
import { Interrupted } from "./interrupted.ts";
import { printToStderr, silence, type Terminal } from "./terminal.ts";

/** The app's `close` gets this long, in milliseconds: the command has done its work. */
const CLOSE_TIMEOUT = 5_000;

export interface ContextParts {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** The value of `--config`. */
  readonly config: string | undefined;
  /** Whether the app may print to stdout. */
  readonly sharesStdout: boolean;
  /** Whether what the app prints otherwise goes to stderr; else only its warnings and errors do. */
  readonly isVerbose: boolean;
}

/** Opens each thing on the first use, so that a command loads and connects no more than it needs. */
export function openContext(parts: ContextParts): CommandContext {
  const { terminal, env, cwd, config: path } = parts;
  let loading: Promise<LoadedConfig> | undefined;
  let opening: Promise<Queue> | undefined;
  let database: Promise<DatabaseDefinition | undefined> | undefined;
  let controller: AbortController | undefined;
  const loadConfig = () => {
    // No code of the app runs before.
    if (!parts.sharesStdout) {
      if (parts.isVerbose) printToStderr();
      else silence();
    }
    loading ??= import("../config/load-config.ts").then((module) => module.loadConfig({ cwd, path }));
    return loading;
  };
  const watch = new EngineWatch();
  const open = async () => {
    const [loaded, { openQueue }] = await Promise.all([loadConfig(), import("../config/open-config.ts")]);
    return openQueue(loaded);
  };
  return {
    terminal,
    env,
    cwd,
    loadConfig,
    openQueue: async ({ isWatched = true, mayBeEmbedded = false }: OpenQueueOptions = {}) => {
      opening ??= open();
      const queue = await opening;
      // Read now: loading the config has read its .env files.
      if (queue.isEmbedded && !mayBeEmbedded && env.QUEUE_ENGINE !== "memory") throw embedded();
      if (isWatched) watch.start(queue);
      return queue;
    },
    openDatabase: () => {
      database ??= Promise.all([loadConfig(), import("../config/open-config.ts")]).then(
        ([loaded, { openDatabase }]) => openDatabase(loaded),
      );
      return database;
    },
    unreachable: watch.unreachable,
    get signal() {
      controller ??= listenForSignals();
      return controller.signal;
    },
    async close() {
      if (!opening && !database) return;
      // An error of opening is the command's.
      const queue = await opening?.catch(() => undefined);
      // Nothing that the engine hasn't answered is worth waiting for.
      if (watch.hasGivenUp) return;
      await queue?.close();
      const { config } = (await loading?.catch(() => undefined)) ?? {};
      if (config?.close) await within(CLOSE_TIMEOUT, config.close(), undefined);
    },
  };
}

function embedded(): CommandError {
  return new CommandError(
    "The config's queue is on the embedded engine, whose jobs live in one process: this command would see none of the " +
      "app's, and lose what it sends. Set REDIS_URL, and use engineFromEnv() in the config; or QUEUE_ENGINE=memory if that " +
      "is meant.",
    EXIT_CODES.CONFIG,
  );
}

/** Commands that don't ask for it end at once, as programs do. */
function listenForSignals(): AbortController {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    const exitCode = 128 + constants.signals[name];
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort(new Interrupted(name, exitCode));
    });
  }
  return controller;
}
