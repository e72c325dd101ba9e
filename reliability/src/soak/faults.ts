import { setTimeout as pause } from "node:timers/promises";
import type { ProxyMode } from "@org/test-servers";
import type { Place, SoakStage } from "./soak-stage.ts";

/** One thing that goes wrong, and is over when it resolves. How long it lasts is part of it. */
interface Fault {
  readonly name: string;
  /** How often, among the others. */
  readonly weight: number;
  strike(stage: SoakStage): Promise<void>;
}

const PAST_LEASE = { least: 1_200, most: 2_500 };

const FAULTS: readonly Fault[] = [
  {
    name: "kill -9 of a worker",
    weight: 5,
    // The first is spared, so that there is one whose memory can be watched from beginning to end.
    strike: (stage) => stage.replaceWorker(stage.random.pick(stage.workers.slice(1))),
  },
  {
    name: "worker frozen past its lease",
    weight: 4,
    async strike({ random, workers }) {
      const { program } = random.pick(workers);
      program.freeze();
      await pause(random.between(PAST_LEASE.least, PAST_LEASE.most));
      program.thaw();
    },
  },
  { name: "SCRIPT FLUSH", weight: 2, strike: async ({ redis }) => void (await redis.admin.script("FLUSH")) },
  {
    name: "CLIENT KILL",
    weight: 2,
    strike: async ({ redis }) => void (await redis.admin.call("CLIENT", "KILL", "TYPE", "normal")),
  },
  { name: "connections cut", weight: 3, strike: async (stage) => anyone(stage).proxy.cut() },
  { name: "connections half-open", weight: 2, strike: async (stage) => anyone(stage).proxy.abandon() },
  { name: "requests dropped", weight: 2, strike: (stage) => weather(stage, "drop-requests", 200) },
  { name: "replies dropped", weight: 3, strike: (stage) => weather(stage, "drop-replies", 200) },
  { name: "network stalled", weight: 2, strike: (stage) => weather(stage, "stall", 2_000) },
  { name: "connections refused", weight: 2, strike: (stage) => weather(stage, "refuse", 2_000) },
  {
    name: "Redis frozen",
    weight: 2,
    async strike({ random, redis }) {
      redis.freeze();
      await pause(random.between(100, PAST_LEASE.most));
      redis.thaw();
    },
  },
  {
    name: "Redis killed and restarted",
    weight: 1,
    async strike({ redis }) {
      await redis.kill();
      await redis.restart();
    },
  },
];

export class FaultPlan {
  readonly struck = new Map<string, number>();
  readonly #lots = FAULTS.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));

  async strikeOne(stage: SoakStage): Promise<string> {
    const fault = stage.random.pick(this.#lots);
    this.struck.set(fault.name, (this.struck.get(fault.name) ?? 0) + 1);
    await fault.strike(stage);
    return fault.name;
  }
}

function anyone({ random, workers, producers }: SoakStage): Place {
  return random.pick([...workers, ...producers]);
}

async function weather(stage: SoakStage, mode: ProxyMode, most: number): Promise<void> {
  const { proxy } = anyone(stage);
  proxy.use(mode);
  await pause(stage.random.between(20, most));
  proxy.use("pass");
}
