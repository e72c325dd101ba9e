import type { Message } from "@org/queue";
import { checkConfig } from "../config/check-config.ts";
import type { QueueConfig } from "../config/config.ts";
import { resolveSettings } from "../config/resolve-settings.ts";
import type { ExitCode } from "../exit-codes.ts";
import { WorkerHost } from "./worker-host.ts";

/** Options of `runWorker`. */
export interface RunWorkerOptions {
  /** Stops the workers like SIGTERM. */
  readonly signal?: AbortSignal | undefined;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Runs the workers of a config in this process until a signal stops them, as `queue worker` does. SIGTERM and SIGINT let
 * running jobs finish for `stopTimeout`, then give them back; a second one ends the process at once. SIGTSTP stops only
 * claiming. Resolves with one of `EXIT_CODES`, when everything is closed.
 *
 * @throws {CommandError} for a config or an environment that can't be used, and `QueueError`s of what it opens.
 *
 * @example
 * process.exit(await runWorker(config));
 */
export async function runWorker<M extends Message>(
  given: QueueConfig<M>,
  options: RunWorkerOptions = {},
): Promise<ExitCode> {
  const { signal, env = process.env } = options;
  // Handlers are called with the data of their own message only.
  const config = given as unknown as QueueConfig;
  checkConfig(config);
  const host = new WorkerHost({ config, path: "The config" }, resolveSettings({ flags: {}, env, config }));
  const stop = () => host.orders.give({ type: "stop", reason: "its signal aborted" });
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    return await host.run();
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
