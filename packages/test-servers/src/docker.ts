import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { withFreePort } from "./free-port.ts";
import { keepServer } from "./kept-server.ts";
import type { ServerSource } from "./server-source.ts";

export interface Container {
  readonly image: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly readyWhen: string;
  readonly stopSignal: NodeJS.Signals;
  url(port: number): string;
}

/**
 * Runs a container where a Docker engine answers. `docker run` in the foreground is a process like any
 * other: its log is the server's, signals reach the server, and `--rm` removes what is left. So the keeper
 * handles it, and no container library is needed.
 */
export function dockerContainer(container: Container): ServerSource {
  return {
    name: "Docker",
    async start() {
      const missing = await missingEngine();
      if (missing) return { unavailable: missing };
      try {
        return await withFreePort(async (port) => {
          const kept = await keepServer({
            commands: [["docker", ...dockerRun(container, port)]],
            directory: tmpdir(),
            removeDirectory: false,
            readyWhen: container.readyWhen,
            // Time for a first pull of the image.
            readyWithin: 180_000,
            stopSignal: container.stopSignal,
            user: undefined,
          });
          return { url: container.url(port), pid: undefined, stop: kept.stop };
        });
      } catch (error) {
        // An engine that can't pull the image is common behind firewalls; the next source may do.
        return { unavailable: String(error) };
      }
    },
  };
}

/** The arguments of `docker` that run a container with its port published on loopback only. */
export function dockerRun({ image, port, env = {}, args }: Container, hostPort: number): string[] {
  const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  return ["run", "--rm", "--publish", `127.0.0.1:${hostPort}:${port}`, ...variables, image, ...args];
}

/** Why no Docker engine can be used, or `undefined` when one answers. */
export async function missingEngine(): Promise<string | undefined> {
  try {
    await promisify(execFile)("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 2_000 });
    return undefined;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return isMissing ? "no `docker` on the PATH" : "no engine answers";
  }
}
