import { existsSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";

/** Keeps a hanging engine from holding up the tests. */
const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Returns why a container of this image can't be started here, or `undefined` if an engine answers and has the image.
 * Images are never pulled: that takes minutes, and behind a firewall minutes to fail.
 *
 * @param sockets sockets of engines; the first that exists is used
 */
export async function missingImage(
  image: string,
  sockets: readonly string[] = engineSockets(),
): Promise<string | undefined> {
  const { DOCKER_HOST } = process.env;
  // testcontainers connects by TCP or SSH, and fails if the image is missing.
  if (DOCKER_HOST && !DOCKER_HOST.startsWith("unix://")) return undefined;
  const socketPath = sockets.find((path) => existsSync(path));
  if (socketPath === undefined) return "no container engine socket";
  try {
    const status = await statusOf(socketPath, `/images/${encodeURI(image)}/json`);
    if (status === 200) return undefined;
    if (status === 404) return `no image ${image} (run \`docker pull ${image}\`)`;
    return `the container engine at ${socketPath} answers with status ${status}`;
  } catch (error) {
    return `no container engine answers at ${socketPath}: ${(error as Error).message}`;
  }
}

/** The sockets that testcontainers tries, in order. */
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
