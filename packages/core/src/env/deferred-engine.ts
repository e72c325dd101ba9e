import { engineClosed } from "../engine/engine-closed.ts";
import type { EventSubscriber } from "../engine/events.ts";
import type * as port from "../engine/port.ts";
import type { HealthReport, MetricsBucket, QueueCounts } from "../engine/reports.ts";
import { messageOf } from "../errors/thrown.ts";
import type { Logger } from "../logging/logger.ts";

/** An engine that is loaded by its first call. Its name and capabilities are known before. */
export class DeferredEngine implements port.Engine {
  readonly name: string;
  readonly embedded = false;
  readonly capabilities: port.EngineCapabilities;
  readonly #load: () => Promise<port.Engine>;
  #loading: Promise<port.Engine> | undefined;
  #logger: Logger | undefined;
  #closed = false;

  constructor(name: string, capabilities: port.EngineCapabilities, load: () => Promise<port.Engine>) {
    this.name = name;
    this.capabilities = capabilities;
    this.#load = load;
  }

  async enqueue(batches: readonly port.EnqueueBatch[]): Promise<readonly port.EnqueueOutcome[]> {
    return (await this.#engine()).enqueue(batches);
  }

  async claim(request: port.ClaimRequest): Promise<readonly port.ClaimedJob[]> {
    return (await this.#engine()).claim(request);
  }

  async settle(request: port.SettleRequest): Promise<port.SettleReply> {
    return (await this.#engine()).settle(request);
  }

  async extend(request: port.ExtendRequest): Promise<readonly port.LeaseStatus[]> {
    return (await this.#engine()).extend(request);
  }

  async release(releases: readonly port.Release[]): Promise<void> {
    return (await this.#engine()).release(releases);
  }

  async recover(): Promise<port.RecoverReport> {
    return (await this.#engine()).recover();
  }

  async cancel(ids: readonly string[], reason: string): Promise<readonly port.CancelOutcome[]> {
    return (await this.#engine()).cancel(ids, reason);
  }

  async retry(ids: readonly string[]): Promise<readonly port.RetryOutcome[]> {
    return (await this.#engine()).retry(ids);
  }

  async remove(ids: readonly string[]): Promise<readonly port.RemoveOutcome[]> {
    return (await this.#engine()).remove(ids);
  }

  async promote(ids: readonly string[]): Promise<readonly port.PromoteOutcome[]> {
    return (await this.#engine()).promote(ids);
  }

  async get(ids: readonly string[]): Promise<readonly (port.JobRecord | null)[]> {
    return (await this.#engine()).get(ids);
  }

  async remembered(ids: readonly string[]): Promise<readonly (port.RememberedEnding | null)[]> {
    return (await this.#engine()).remembered(ids);
  }

  async list(request: port.ListRequest): Promise<port.JobPage> {
    return (await this.#engine()).list(request);
  }

  async counts(): Promise<readonly QueueCounts[]> {
    return (await this.#engine()).counts();
  }

  async metrics(request: { readonly since: number }): Promise<readonly MetricsBucket[]> {
    return (await this.#engine()).metrics(request);
  }

  async edges(id: string): Promise<port.JobEdges | null> {
    return (await this.#engine()).edges(id);
  }

  async pause(queue: string): Promise<void> {
    return (await this.#engine()).pause(queue);
  }

  async resume(queue: string): Promise<void> {
    return (await this.#engine()).resume(queue);
  }

  async clean(request: port.CleanRequest): Promise<number> {
    return (await this.#engine()).clean(request);
  }

  async waitForWork(request: port.WaitForWorkRequest): Promise<void> {
    return (await this.#engine()).waitForWork(request);
  }

  async subscribe(subscriber: EventSubscriber): Promise<port.Unsubscribe> {
    return (await this.#engine()).subscribe(subscriber);
  }

  async onCancelRequest(listener: port.CancelListener): Promise<port.Unsubscribe> {
    const engine = await this.#engine();
    return engine.onCancelRequest ? engine.onCancelRequest(listener) : async () => {};
  }

  logTo(logger: Logger): void {
    this.#logger = logger;
    this.#loading?.then((engine) => engine.logTo?.(logger)).catch(() => undefined);
  }

  async health(): Promise<HealthReport> {
    try {
      return await (await this.#engine()).health();
    } catch (error) {
      const problem = messageOf(error);
      return { ok: false, engine: this.name, latency: 0, problem };
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const engine = await this.#loading?.catch(() => undefined);
    await engine?.close();
  }

  async #engine(): Promise<port.Engine> {
    if (this.#loading === undefined) {
      if (this.#closed) throw engineClosed(this.name);
      this.#loading = this.#loadWithLogger();
      // The next call tries again.
      this.#loading.catch(() => {
        this.#loading = undefined;
      });
    }
    return this.#loading;
  }

  async #loadWithLogger(): Promise<port.Engine> {
    const engine = await this.#load();
    if (this.#logger) engine.logTo?.(this.#logger);
    return engine;
  }
}
