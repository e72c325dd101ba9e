/** What a measurement asks of a system. Every system gets the same. */
export interface Setup {
  /** Of the Redis server, or of a proxy before it. */
  readonly url: string;
  /** How many sends are under way at the same time, for systems that are tuned to it. */
  readonly atOnce: number;
  /** How many handlers will run at the same time, for systems that spread jobs by it. */
  readonly concurrency: number;
  /** Completed jobs to keep. 0: none. */
  readonly keep: number;
  /** Ordering keys that the jobs share by turns. 0: jobs without a key. */
  readonly keys: number;
}

export interface Work {
  /** `done` resolves after so many. */
  readonly jobs: number;
  /** Called as each job starts, with the job's index. */
  readonly handler: (index: number) => void | Promise<void>;
}

/** Sends jobs. It has connections of its own, as if it were another process than the consumer. */
export interface Producer {
  /** Resolves once the job is stored. A job with a priority runs after those without, and after lower numbers. */
  send(index: number, priority?: number): Promise<unknown>;
  /** As one batch, in the fastest way that the system documents. Resolves once all are stored. */
  sendMany(indexes: readonly number[], priority?: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Runs jobs. */
export interface Consumer {
  start(): Promise<void>;
  /** Resolves once Redis has confirmed the end of as many jobs as were asked for. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** Sends flows: a parent that runs after all its children. */
export interface FlowProducer {
  /** Stores so many flows with so many children each, in one call. */
  addFlows(flows: number, children: number): Promise<unknown>;
  close(): Promise<void>;
}

/** A way of running jobs over Redis. What it can't do is left out, and then not measured. */
export interface System {
  readonly name: string;
  /** The npm package that does it. */
  readonly package: string;
  /** What could be reached at most, rather than a queue: nobody loses against it. */
  readonly isLimit: boolean;
  openProducer(setup: Setup): Promise<Producer>;
  openConsumer(setup: Setup, work: Work): Promise<Consumer>;
  openFlowProducer?(setup: Setup): Promise<FlowProducer>;
  /** Keeps the last completed jobs, as asked by `Setup.keep`. */
  readonly retention: boolean;
  /** Keeps the order of jobs with a key, as asked by `Setup.keys`. */
  readonly ordering: boolean;
  /** Runs urgent jobs first, as asked by the priority of a send. */
  readonly priorities: boolean;
}

/** A promise that `tick` resolves when it is called for the `count`th time. */
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

/** Ordering keys go round: 0, 1, 2 … 0, 1, 2 … */
export function keyOf(index: number, keys: number): string {
  return `key:${index % keys}`;
}
