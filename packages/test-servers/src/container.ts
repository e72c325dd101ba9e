import { missingImage } from "./container-engine.ts";
import { startKeeper } from "./kept-server.ts";
import type { ServerSource } from "./server-source.ts";

/** A server as a container, for its keeper process to run. */
export interface Container {
  readonly image: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** A line of the server's log that contains this says that it is ready. */
  readonly readyWhen: string;
  /** The so manieth such line. */
  readonly readyTimes: number;
  /** In milliseconds. */
  readonly readyWithin: number;
}

/** Where the container's port is published. */
export interface PublishedPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Runs a container where an engine answers and has the image. testcontainers is loaded by the keeper alone, so that
 * nobody else waits for it.
 *
 * @param urlOf the server's URL, where its port is published
 */
export function containerSource(
  container: Container,
  urlOf: (published: PublishedPort) => string,
): ServerSource {
  return {
    name: "container",
    async start() {
      const missing = await missingImage(container.image);
      if (missing) return { unavailable: missing };
      try {
        const { ready, stop } = await startKeeper<PublishedPort>(
          new URL("./container-keeper.ts", import.meta.url),
          container,
        );
        return { url: urlOf(ready), pid: undefined, stop };
      } catch (error) {
        // What an engine lacks is no finding about the server: the next source may do.
        return { unavailable: (error as Error).message };
      }
    },
  };
}
