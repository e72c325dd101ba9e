import type { TestServer } from "../src/index.ts";

/** The server's process id. Signalling `undefined ?? 0` would hit the test runner's own process group. */
export function processOf({ pid, source }: TestServer): number {
  if (pid === undefined) throw new Error(`The server from ${source} has no process on this machine`);
  return pid;
}
