import { existsSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";

/** An engine that hangs must not hold up the tests. */
const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Why a container of this image can't be started here, or `undefined` when an engine answers and has the image. An image
 * is never pulled: that takes minutes, and fails only after some where a firewall stands between.
 *
 * @param sockets where engines listen; the first that exists is asked
 */
export async function missingImage(
  image: string,
  sockets: readonly string[] = engineSockets(),
): Promise<string | undefined> {
  const { DOCKER_HOST } = process.env;
  // Reached by TCP or SSH: testcontainers knows how, and fails if the image isn't there.
  if (DOCKER_HOST && !DOCKER_HOST.startsWith("unix://")) return undefined;
  const socketPath = sockets.find((path) => existsSync(path));
  if (socketPath === undefined) return "no container engine's socket";
  try {
    const status = await statusOf(socketPath, `/images/${encodeURI(image)}/json`);
    if (status === 200) return undefined;
    if (status === 404) return `no image ${image} (\`docker pull ${image}\` gets it)`;
    return `the container engine at ${socketPath} answers with status ${status}`;
  } catch (error) {
    return `no container engine answers at ${socketPath}: ${(error as Error).message}`;
  }
}

/** Where testcontainers looks, in its order. */
function engineSockets(): readonly string[] {
  const { DOCKER_HOST, XDG_RUNTIME_DIR } = process.env;
  if (DOCKER_HOST) return [DOCKER_HOST.slice("unix://".length)];
  return [
    "/var/run/docker.sock",
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "docker.sock")] : []),
    join(homedir(), ".docker", "run", "docker.sock"),
    join(homedir(), ".docker", "desktop", "docker.sock"),
    `/run/user/${process.getuid?.()}/docker.sock`,
  ];
}

function statusOf(socketPath: string, path: string): Promise<number | undefined> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    request({ socketPath, path, signal, agent: false }, (response) => {
      response.destroy();
      resolve(response.statusCode);
    })
      .on("error", (error) => reject(signal.aborted ? new Error("timeout") : error))
      .end();
  });
}
