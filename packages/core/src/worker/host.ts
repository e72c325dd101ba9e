/** Where this worker runs, for people. Not imported: bundlers for other runtimes refuse Node's modules. */
export function hostName(): string {
  const { process } = globalThis;
  return process?.getBuiltinModule?.("node:os")?.hostname() || process?.env?.HOSTNAME || "unknown";
}

export function processId(): number {
  return globalThis.process?.pid ?? 0;
}
