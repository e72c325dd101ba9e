/** The worker's process as a program of its own: what `queue worker` does with the config, without the command. */
import { runWorker } from "@org/queue-worker";
import config from "../queue.config.ts";
import { SetupError } from "./setup-error.ts";

try {
  process.exitCode = await runWorker(config);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}
