import {
  ERROR_CODES,
  type HealthReason,
  type Queue,
  QueueError,
  type QueueHealth,
  type Stats,
  toWire,
  type WireForm,
} from "@org/queue";
import type { AccessControl } from "../access/access-control.ts";
import { Refusal } from "../access/refusal.ts";

/** Health as clients see it. What an engine reports may name its server, so its own words stay on the server. */
export interface PublicHealth {
  readonly status: "healthy" | "warning" | "critical";
  readonly at: string;
  readonly reasons: readonly HealthReason[];
}

/** Reports on whole queues that clients ask for, and the emptying of queues in development. */
export class ReportGateway {
  readonly #queue: Queue;
  readonly #access: AccessControl;

  constructor(queue: Queue, access: AccessControl) {
    this.#queue = queue;
    this.#access = access;
  }

  async stats(request?: Request): Promise<WireForm<Stats>> {
    await this.#access.require({ action: "read-stats", ...(request && { request }) });
    return toWire(await this.#queue.stats());
  }

  async health(request?: Request): Promise<PublicHealth> {
    await this.#access.require({ action: "read-health", ...(request && { request }) });
    return toPublicHealth(await this.#queue.health());
  }

  /**
   * Removes all jobs of one queue, or of all, and answers how many. Only in development.
   *
   * @throws {Refusal} `FORBIDDEN` in production, whoever asks.
   */
  async clear(queue: string | undefined, request?: Request): Promise<number> {
    if (process.env.NODE_ENV === "production") throw new Refusal("FORBIDDEN");
    const { queues } = this.#queue.registry;
    if (queue !== undefined && !queues.includes(queue)) {
      throw new QueueError("INVALID_OPTIONS", "clearQueue: no message belongs to this queue.");
    }
    let removed = 0;
    for (const name of queue === undefined ? queues : [queue]) {
      await this.#access.require({ action: "clear-queue", queue: name, ...(request && { request }) });
      removed += await this.#queue.obliterate(name, { force: true });
    }
    return removed;
  }
}

export function toPublicHealth({ status, at, reasons }: QueueHealth): PublicHealth {
  return { status, at: at.toISOString(), reasons: reasons.map(toPublicReason) };
}

function toPublicReason(reason: HealthReason): HealthReason {
  if (reason.kind !== "engine") return reason;
  const { publicMessage } = ERROR_CODES.ENGINE_UNAVAILABLE;
  return { ...reason, text: publicMessage, remedy: "The server's log says more." };
}
