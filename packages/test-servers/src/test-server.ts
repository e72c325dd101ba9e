/** A server that is ready for connections. */
export interface TestServer {
  /** For example `redis://127.0.0.1:40123`. */
  readonly url: string;
  /** Where the server came from, for example `"this machine"`. */
  readonly source: string;
  /**
   * The server's process id, for tests that kill or freeze it. `undefined` for a container or a server from the
   * environment.
   */
  readonly pid: number | undefined;
  /** Stops the server and removes its data. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Options for a server. Setting any of them starts a separate server, because the one from the environment may have
 * other users.
 */
export interface ServerOptions {
  /** Additional arguments for the server, for example `["--maxmemory", "10mb"]`. */
  readonly args?: readonly string[];
  /** The port, for example that of a killed server to bring back. @default a free port */
  readonly port?: number;
  /** The data directory, kept after `stop()`. @default a temporary directory, removed by `stop()` */
  readonly directory?: string;
}
