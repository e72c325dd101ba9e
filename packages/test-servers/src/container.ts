import { missingImage } from "./container-engine.ts";
import { startKeeper } from "./kept-server.ts";
import type { ServerSource } from "./server-source.ts";

/** A server in a container, to be run by a keeper process. */
export interface Container {
  readonly image: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** The server is ready when a line of its log contains this. */
  readonly readyWhen: string;
  /** How many such lines to wait for. */
  readonly readyTimes: number;
  /** Timeout in milliseconds. */
  readonly readyWithin: number;
}

/** The published port of the container. */
export interface PublishedPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Runs a container if an engine answers and has the image. Only the keeper loads testcontainers, because loading it is
 * slow.
 *
 * @param urlOf returns the server's URL for its published port
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
        // A problem of the engine isn't one of the server, so try the next source.
        return { unavailable: (error as Error).message };
      }
    },
  };
}
