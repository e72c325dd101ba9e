import { setTimeout as pause } from "node:timers/promises";
import type { ProxyMode } from "@org/test-servers";
import type { ProcessSlot, SoakStage } from "./soak-stage.ts";

/** A fault. It is over when `inject` resolves; its duration is part of it. */
interface Fault {
  readonly name: string;
  /** Relative frequency. */
  readonly weight: number;
  inject(stage: SoakStage): Promise<void>;
}

const PAST_LEASE = { min: 1_200, max: 2_500 };

const FAULTS: readonly Fault[] = [
  {
    name: "kill -9 of a worker",
    weight: 5,
    // Not the first worker, whose memory is sampled for the whole soak.
    inject: (stage) => stage.replaceWorker(stage.random.pick(stage.workers.slice(1))),
  },
  {
    name: "worker frozen past its lease",
    weight: 4,
    async inject({ random, workers }) {
      const { program } = random.pick(workers);
      program.freeze();
      await pause(random.between(PAST_LEASE.min, PAST_LEASE.max));
      program.thaw();
    },
  },
  { name: "SCRIPT FLUSH", weight: 2, inject: async ({ redis }) => void (await redis.admin.script("FLUSH")) },
  {
    name: "CLIENT KILL",
    weight: 2,
    inject: async ({ redis }) => void (await redis.admin.call("CLIENT", "KILL", "TYPE", "normal")),
  },
  { name: "connections cut", weight: 3, inject: async (stage) => pickSlot(stage).proxy.cut() },
  { name: "connections half-open", weight: 2, inject: async (stage) => pickSlot(stage).proxy.abandon() },
  { name: "requests dropped", weight: 2, inject: (stage) => applyProxyMode(stage, "drop-requests", 200) },
  { name: "replies dropped", weight: 3, inject: (stage) => applyProxyMode(stage, "drop-replies", 200) },
  { name: "network stalled", weight: 2, inject: (stage) => applyProxyMode(stage, "stall", 2_000) },
  { name: "connections refused", weight: 2, inject: (stage) => applyProxyMode(stage, "refuse", 2_000) },
  {
    name: "Redis frozen",
    weight: 2,
    async inject({ random, redis }) {
      redis.freeze();
      await pause(random.between(100, PAST_LEASE.max));
      redis.thaw();
    },
  },
  {
    name: "Redis killed and restarted",
    weight: 1,
    async inject({ redis }) {
      await redis.kill();
      await redis.restart();
    },
  },
];

export class FaultPlan {
  readonly struck = new Map<string, number>();
  readonly #lots = FAULTS.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));

  async injectNext(stage: SoakStage): Promise<string> {
    const fault = stage.random.pick(this.#lots);
    this.struck.set(fault.name, (this.struck.get(fault.name) ?? 0) + 1);
    await fault.inject(stage);
    return fault.name;
  }
}

function pickSlot({ random, workers, producers }: SoakStage): ProcessSlot {
  return random.pick([...workers, ...producers]);
}

async function applyProxyMode(stage: SoakStage, mode: ProxyMode, max: number): Promise<void> {
  const { proxy } = pickSlot(stage);
  proxy.use(mode);
  await pause(stage.random.between(20, max));
  proxy.use("pass");
}
