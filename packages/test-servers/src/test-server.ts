/** A server that is ready for connections. */
export interface TestServer {
  /** Where to connect, for example `redis://127.0.0.1:40123`. */
  readonly url: string;
  /** Where the server came from, for example `"this machine"`. */
  readonly source: string;
  /**
   * The server's process, for tests that kill or freeze it. `undefined` when it isn't a process of this
   * machine that is ours: a container, or a server named by the environment.
   */
  readonly pid: number | undefined;
  /** Stops the server and removes what it stored. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * What a test may ask of a server. Asking for anything means a server of one's own: the one that the
 * environment names is passed over, as it may belong to somebody.
 */
export interface ServerOptions {
  /** More arguments for the server, for example `["--maxmemory", "10mb"]`. */
  readonly args?: readonly string[];
  /** Listen here, to come back where a killed server was. @default a free port */
  readonly port?: number;
  /** Store here, and keep it after `stop()`. @default a temporary directory, removed by `stop()` */
  readonly directory?: string;
}
