import { PassThrough } from "node:stream";
import { onTestFinished, vi } from "vitest";
import { type MainParts, main } from "../../src/cli/main.ts";
import { openContext } from "../../src/cli/open-context.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { runQueue } from "./run-queue.ts";
import { CONFIG, temporaryProject } from "./temporary-project.ts";

/** The config of the fixtures, on the server of REDIS_URL. */
export const ON_REDIS = CONFIG.replace(
  "memoryEngine()",
  "engineFromEnv({ logger: { info: () => {} } })",
).replace("memoryEngine }", "engineFromEnv }");

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Run = (line: readonly string[], cwd: string, env: Record<string, string>) => Promise<Outcome>;

/** In this process, with everything real but the streams. */
const here: Run = async (line, cwd, env) => {
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal = new Terminal({ stdin: new PassThrough(), stdout, stderr, env: {} });
  const open = (options: Parameters<MainParts["openContext"]>[0]) =>
    openContext({ ...options, terminal, env: process.env, cwd, sharesStdout: true });
  const code = await main(line, { terminal, readVersion: () => "0.0.0", openContext: open });
  return { code, stdout: stdout.read()?.toString() ?? "", stderr: stderr.read()?.toString() ?? "" };
};

/** For what ends the process. */
export const inProcess: Run = (line, cwd, env) => runQueue(line, { cwd, env });

/** What a command line prints, with the project's directory as `~`. */
export async function attempt(
  line: string,
  config: string | undefined,
  { env = {}, run = here }: { readonly env?: Record<string, string>; readonly run?: Run } = {},
) {
  const files = {
    "package.json": '{ "type": "module" }',
    ...(config !== undefined && { "queue.config.ts": config }),
  };
  const cwd = temporaryProject(files);
  const { code, stdout, stderr } = await run(line.split(" "), cwd, env);
  return { code, stdout, stderr: stderr.replaceAll(cwd, "~") };
}
