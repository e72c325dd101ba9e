import * as z from "zod";
import type {
  ClaimedJob,
  ClaimReply,
  ClaimRequest,
  Lease,
  SettleReply,
  SettleRequest,
} from "../src/engine/core.ts";
import type { CompleteEngine, EngineFacet, EngineFeatures } from "../src/engine/engine.ts";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type Handler,
  type JobSnapshot,
  memoryEngine,
  type Queue,
  QueueError,
  type QueueOptions,
  type Worker,
  type WorkerOptions,
} from "../src/index.ts";
import { alterEngine, FakeClock } from "../src/testing/index.ts";

export const planCreate = defineMessage("PLAN_CREATE", {
  data: z.object({
    planId: z.string().min(1),
    startsAt: z
      .codec(z.iso.datetime(), z.date(), {
        decode: (text) => new Date(text),
        encode: (date) => date.toISOString(),
      })
      .optional(),
  }),
  result: z.object({
    planId: z.string(),
    savedAt: z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    }),
  }),
  queue: "plans",
  retry: { attempts: 3, backoff: { type: "exponential", delay: "2s", maxDelay: "5s" } },
});

export const phaseCreate = defineMessage("PHASE_CREATE", {
  data: z.object({ planId: z.string(), index: z.int().default(0) }),
  queue: "phases",
  orderingKey: ({ planId }) => planId,
  retry: { attempts: 2, backoff: { type: "fixed", delay: "1s" } },
});

export const scan = defineMessage("SCAN", {
  version: 2,
  data: z.object({ channel: z.string(), direction: z.enum(["forward", "backward"]) }),
  upcast: { 1: (old) => ({ ...old, direction: "backward" }) },
  progress: z.object({ scanned: z.int() }),
  timeout: "1m",
  retry: { attempts: 1 },
  limits: { error: 600, log: 64 },
});

export const registry = createRegistry([planCreate, phaseCreate, scan]);
export type Messages = (typeof registry)["messages"][number];

export const plan = (planId = "p1") => ({ planId });
export const planResult = (planId = "p1") => ({ planId, savedAt: new Date("2026-01-01T00:00:00Z") });
export const forward = { channel: "general", direction: "forward" } as const;

/** What was logged, without the package's name before each line. */
export class RecordingLogger {
  readonly lines: string[] = [];
  readonly errors: unknown[] = [];
  warn(line: string, error?: unknown): void {
    this.#record("warn", line, error);
  }
  error(line: string, error?: unknown): void {
    this.#record("error", line, error);
  }
  #record(level: string, line: string, error: unknown): void {
    this.lines.push(line.replace("@org/queue", level));
    this.errors.push(error);
  }
}

const FACETS = ["core", "inspect", "operate", "events", "queues", "workers"] as const;

/** The operations of all facets; their names are distinct. */
export type Operations = Required<
  CompleteEngine["core"] &
    CompleteEngine["inspect"] &
    CompleteEngine["operate"] &
    CompleteEngine["events"] &
    CompleteEngine["queues"] &
    CompleteEngine["workers"]
>;

type EngineMethod = keyof Operations;

export type Overrides = Partial<Operations> & { readonly without?: readonly EngineFacet[] } & {
  readonly features?: Partial<EngineFeatures>;
};

/** An engine whose calls can be counted, made to fail, and made to hang. */
export class FlakyEngine {
  readonly calls: { readonly method: EngineMethod; readonly args: readonly unknown[] }[] = [];
  readonly #failing = new Map<EngineMethod, Error>();
  readonly #hanging = new Map<EngineMethod, (() => void)[]>();
  readonly #leases = new Map<string, Lease>();
  readonly engine: CompleteEngine;

  constructor(inner: CompleteEngine, { features, without = [], ...overrides }: Overrides = {}) {
    const facets = FACETS.map((name) => {
      if ((without as readonly string[]).includes(name)) return [name, null];
      return [name, this.#watched(inner[name], overrides)];
    });
    this.engine = alterEngine(inner, { ...Object.fromEntries(facets), ...(features && { features }) });
  }

  /** Of a facet: an operation is called as it is when it is overridden, and noted otherwise. */
  #watched(facet: object, overrides: Partial<Operations>): object {
    return new Proxy(facet, {
      get: (target, name: EngineMethod) => {
        if (name in overrides) return overrides[name];
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => this.#call(name, args, () => value.apply(target, args));
      },
    });
  }

  fail(...methods: EngineMethod[]): void {
    for (const method of methods) {
      this.#failing.set(method, new QueueError("ENGINE_UNAVAILABLE", `${method}: connection lost`));
    }
  }

  hang(...methods: EngineMethod[]): void {
    for (const method of methods) this.#hanging.set(method, []);
  }

  mend(): void {
    this.#failing.clear();
    for (const release of [...this.#hanging.values()].flat()) release();
    this.#hanging.clear();
  }

  /** The latest lease of a job that a worker got. */
  leaseOf(id: string): Lease {
    const { epoch, token } = this.#leases.get(id)!;
    return { id, epoch, token };
  }

  count(method: EngineMethod): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  async #call(method: EngineMethod, args: readonly unknown[], run: () => Promise<unknown>): Promise<unknown> {
    this.calls.push({ method, args });
    const failure = this.#failing.get(method);
    if (failure) throw failure;
    const waiting = this.#hanging.get(method);
    if (waiting) await new Promise<void>((resolve) => waiting.push(resolve));
    const answer = await run();
    for (const lease of claimedIn(method, answer)) this.#leases.set(lease.id, lease);
    return answer;
  }
}

function claimedIn(method: EngineMethod, answer: unknown): readonly ClaimedJob[] {
  if (method === "settle") return (answer as SettleReply).claimed;
  return method === "claim" ? (answer as ClaimReply).jobs : [];
}

/** A handler's work that the test ends when it likes. */
export class Gate<T = void> {
  readonly #waiting: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = [];
  entered = 0;

  wait(signal?: AbortSignal): Promise<T> {
    this.entered++;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }

  open(value: T): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(value);
  }

  break(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

export interface Setup {
  readonly clock: FakeClock;
  readonly flaky: FlakyEngine;
  readonly queue: Queue<Messages>;
  readonly logger: RecordingLogger;
  /** Starts a worker with these handlers, by message name. */
  start(
    handlers: { readonly [Name in Messages["name"]]?: Handler<Extract<Messages, { name: Name }>> },
    options?: WorkerOptions,
  ): Promise<Worker<Messages>>;
  /** Lets everything that needs no time happen. */
  settle(): Promise<void>;
}

export function setup(overrides: Overrides = {}, options: Partial<QueueOptions<Messages>> = {}): Setup {
  const clock = new FakeClock();
  const flaky = new FlakyEngine(memoryEngine({ clock }), overrides);
  const queue = createQueue({ registry, engine: flaky.engine, clock, ...options });
  const logger = new RecordingLogger();
  return {
    clock,
    flaky,
    queue,
    logger,
    async start(handlers, options = {}) {
      const worker = createWorker(queue, { logger, ...options });
      for (const [name, handler] of Object.entries(handlers)) {
        worker.handle(registry.get(name)!, handler as unknown as Handler<Messages>);
      }
      await worker.start();
      return worker;
    },
    async settle() {
      await clock.advance(0);
      await clock.advance(0);
    },
  };
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<QueueError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error("It didn't reject.");
  return outcome as QueueError;
}

/** How many jobs each claim so far asked for. */
export function claimLimits({ calls }: FlakyEngine): number[] {
  return calls.flatMap(({ method, args }) => {
    if (method === "claim") return [(args[0] as ClaimRequest).limit];
    const fused = method === "settle" ? (args[0] as SettleRequest).claim : undefined;
    return fused ? [fused.limit] : [];
  });
}

/** The job of a handler that ran once. */
export async function runOnce(handler: Handler<typeof scan>): Promise<JobSnapshot<typeof scan>> {
  const { queue, start, settle } = setup();
  await start({ SCAN: handler });
  const handle = await queue.send(scan, forward);
  await settle();
  return (await queue.get(handle))!;
}
