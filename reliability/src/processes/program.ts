import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { CompleteEngine } from "@org/queue/engine";

import { redisEngine } from "@org/queue/redis";
import type { ProgramConfig } from "./protocol.ts";

const STANDARD_OUTPUT = 1;

/** The configuration that the suite started this program with. */
export function readConfig<Config>(): Config {
  const [json] = process.argv.slice(2);
  if (json === undefined) {
    throw new Error("This program is started by the reliability suite, with its configuration as JSON.");
  }
  return JSON.parse(json) as Config;
}

/** The engine that the configuration names. */
export function connect({ url, namespace, commandTimeout }: ProgramConfig): CompleteEngine {
  return redisEngine({ url, namespace, ...(commandTimeout !== undefined && { commandTimeout }) });
}

/** Tells the suite, and returns once it is told: what comes next may kill or block this process. */
export function report(line: object): void {
  writeSync(STANDARD_OUTPUT, `${JSON.stringify(line)}\n`);
}

/** Hears the suite's orders, and ends this process when the suite is gone. */
export function onCommand<Command>(execute: (command: Command) => void): void {
  // Ctrl-C is for the suite, which then ends its programs in order.
  process.on("SIGINT", () => {});
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => execute(JSON.parse(line) as Command));
  lines.on("close", () => process.exit());
}
