/** Runs a container, and removes it when the parent process exits or requests it. */
import { GenericContainer, getContainerRuntimeClient, Wait } from "testcontainers";
import type { Container, PublishedPort } from "./container.ts";
import type { KeeperReport } from "./kept-server.ts";

const LOOPBACK = ["localhost", "127.0.0.1"];

/** A container with one published port, on the given address only. */
class PublishedContainer extends GenericContainer {
  publish(port: number, hostIp: string): this {
    this.withExposedPorts(port);
    this.hostConfig.PortBindings = { [`${port}/tcp`]: [{ HostIp: hostIp, HostPort: "0" }] };
    return this;
  }
}

const spec: Container = JSON.parse(process.argv[2] ?? "");
const stop = new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve());
  process.on("disconnect", resolve);
});

try {
  const host = (await getContainerRuntimeClient()).info.containerRuntime.host;
  const isLocal = LOOPBACK.includes(host);
  const container = await new PublishedContainer(spec.image)
    .publish(spec.port, isLocal ? "127.0.0.1" : "")
    .withEnvironment(spec.env)
    .withCommand([...spec.args])
    .withPullPolicy({ shouldPull: () => "never" })
    // This process removes the container. The library's own reaper would need another image.
    .withAutoCleanup(false)
    .withWaitStrategy(Wait.forLogMessage(spec.readyWhen, spec.readyTimes))
    .withStartupTimeout(spec.readyWithin)
    .start();
  report({
    ready: { host: isLocal ? "127.0.0.1" : host, port: container.getMappedPort(spec.port) },
  });
  await stop;
  // Without a grace period, since the data of a test server isn't kept.
  await container.stop({ timeout: 0 });
} catch (error) {
  report({ failed: `No container of ${spec.image}: ${(error as Error).message}` });
}
if (process.connected) process.disconnect();

function report(message: KeeperReport<PublishedPort>): void {
  // The callback swallows the error of a parent that is gone. If thrown, it would leave the container behind.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
