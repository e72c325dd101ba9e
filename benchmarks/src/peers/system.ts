/** The setup of a measurement, the same for every system. */
export interface Setup {
  /** The URL of the Redis server, or of a proxy in front of it. */
  readonly url: string;
  /** Number of concurrent sends, for systems that are tuned to it. */
  readonly atOnce: number;
  /** Number of concurrent handlers, for systems that spread jobs by it. */
  readonly concurrency: number;
  /** Number of completed jobs to keep. */
  readonly keep: number;
  /** Number of ordering keys, used in turn. 0 means jobs without a key. */
  readonly keys: number;
}

export interface Work {
  /** Number of jobs after which `done` resolves. */
  readonly jobs: number;
  /** Called when a job starts, with its index. */
  readonly handler: (index: number) => void | Promise<void>;
}

/** Sends jobs over its own connections, as if it were in another process than the consumer. */
export interface Producer {
  /** Resolves once the job is stored. Jobs with a priority run after those without, and after lower numbers. */
  send(index: number, priority?: number): Promise<unknown>;
  /** Sends a batch in the fastest way that the system documents. Resolves once all jobs are stored. */
  sendMany(indexes: readonly number[], priority?: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Runs jobs. */
export interface Consumer {
  start(): Promise<void>;
  /** Resolves once Redis has confirmed the end of the requested number of jobs. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** Sends flows: a parent that runs after all its children. */
export interface FlowProducer {
  /** Stores `flows` flows with `children` children each, in one call. */
  addFlows(flows: number, children: number): Promise<unknown>;
  close(): Promise<void>;
}

/** A system that runs jobs over Redis. Features that it lacks are absent, and aren't measured. */
export interface System {
  readonly name: string;
  /** The npm package. */
  readonly package: string;
  /** Whether this is the theoretical limit, not a queue to compare with. */
  readonly isLimit: boolean;
  openProducer(setup: Setup): Promise<Producer>;
  openConsumer(setup: Setup, work: Work): Promise<Consumer>;
  openFlowProducer?(setup: Setup): Promise<FlowProducer>;
  /** Whether it can keep the last completed jobs (`Setup.keep`). */
  readonly retention: boolean;
  /** Whether it keeps the order of jobs with a key (`Setup.keys`). */
  readonly ordering: boolean;
  /** Whether it runs jobs by priority. */
  readonly priorities: boolean;
}

/** A promise that resolves on the `count`th call of `tick`. */
export function countdown(count: number): { readonly done: Promise<void>; readonly tick: () => void } {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let left = count;
  return {
    done,
    tick: () => {
      if (--left === 0) resolve();
    },
  };
}

/** Host and port, for clients that take no URL. */
export function addressOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** Ordering keys in turn: 0, 1, 2 … 0, 1, 2 … */
export function keyOf(index: number, keys: number): string {
  return `key:${index % keys}`;
}
