import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { CompleteEngine } from "@org/queue/engine";

import { redisEngine } from "@org/queue/redis";
import type { ProgramConfig } from "./protocol.ts";

const STANDARD_OUTPUT = 1;

/** The configuration passed by the suite. */
export function readConfig<Config>(): Config {
  const [json] = process.argv.slice(2);
  if (json === undefined) {
    throw new Error(
      "The reliability suite starts this program with a configuration as JSON. Don't run it by hand.",
    );
  }
  return JSON.parse(json) as Config;
}

/** The engine of the configuration. */
export function connect({ url, namespace, commandTimeout }: ProgramConfig): CompleteEngine {
  return redisEngine({ url, namespace, ...(commandTimeout !== undefined && { commandTimeout }) });
}

/** Reports to the suite, synchronously, because the next step may kill or block this process. */
export function report(line: object): void {
  writeSync(STANDARD_OUTPUT, `${JSON.stringify(line)}\n`);
}

/** Receives the suite's commands, and ends this process when the suite is gone. */
export function onCommand<Command>(execute: (command: Command) => void): void {
  // Ctrl-C is handled by the suite, which then ends its programs.
  process.on("SIGINT", () => {});
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => execute(JSON.parse(line) as Command));
  lines.on("close", () => process.exit());
}
