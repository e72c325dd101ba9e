import { type Measurement, median } from "../../measurement.ts";
import type { Consumer, Producer, Setup, System, Work } from "../../peers/system.ts";
import { OURS, SYSTEMS } from "../../peers/systems.ts";
import { RATIO, ratioMetric } from "./figures.ts";
import type { RedisServer } from "./redis-server.ts";

/** What a case measures with. */
export interface Lab {
  readonly quick: boolean;
  readonly server: RedisServer;
  readonly progress: (line: string) => void;
}

/** One thing to measure, of all systems that can do it. */
export interface Case {
  readonly name: string;
  run(lab: Lab): Promise<readonly Measurement[]>;
}

/** The figures of one round of one system, by metric. */
type Figures = Readonly<Record<string, number>>;

interface Contest {
  readonly case: string;
  /** Metric: unit. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly systems: readonly System[];
  /** Before the rounds, for each system: how many jobs make a measurement, for example. */
  readonly prepare?: (system: System) => Promise<number>;
  readonly measure: (system: System, prepared: number) => Promise<Figures>;
  /** @default 5, or 1 for a quick look */
  readonly rounds?: number;
}

/** Redis or a system under test is stuck after this. */
const PATIENCE_MS = 300_000;

const SETUP: Omit<Setup, "url"> = { atOnce: 1_000, concurrency: 100, keep: 0, keys: 0 };

/**
 * Measures each system in each round, one after the other, so that what disturbs the machine for a while
 * disturbs them all; answers the medians.
 */
export async function compete(lab: Lab, contest: Contest): Promise<readonly Measurement[]> {
  const { systems, rounds = lab.quick ? 1 : 5 } = contest;
  const prepared = new Map<System, number>();
  const found = new Map<System, Figures[]>(systems.map((system) => [system, []]));
  for (const system of systems) prepared.set(system, (await contest.prepare?.(system)) ?? 0);
  for (let round = 1; round <= rounds; round++) {
    for (const system of systems) {
      found.get(system)!.push(await contest.measure(system, prepared.get(system)!));
    }
    const [metric] = Object.keys(contest.metrics);
    const line = systems.map((system) => `${system.name} ${short(found.get(system)!.at(-1)![metric!]!)}`);
    lab.progress(
      `${contest.case}, round ${round} of ${rounds}: ${line.join(", ")} ${contest.metrics[metric!]}`,
    );
  }
  return Object.entries(contest.metrics).flatMap(([metric, unit]) => {
    const values = new Map(
      systems.map((system) => [system.name, found.get(system)!.map((figures) => figures[metric]!)]),
    );
    return [
      ...[...values].map(([name, rounds]) => measurement(contest.case, name, metric, unit, median(rounds))),
      ...ratios(contest.case, metric, values),
    ];
  });
}

/** The median of the rounds' ratios: a round's figures were taken side by side, the medians weren't. */
export function ratios(name: string, metric: string, values: ReadonlyMap<string, readonly number[]>) {
  const ours = values.get(OURS) ?? [];
  return [...values]
    .filter(([peer]) => peer !== OURS)
    .map(([peer, theirs]) => {
      const ratio = median(ours.map((value, round) => value / theirs[round]!));
      return measurement(name, OURS, ratioMetric(metric, peer), RATIO, ratio);
    })
    .filter(({ value }) => Number.isFinite(value));
}

export function measurement(
  name: string,
  system: string,
  metric: string,
  unit: string,
  value: number,
): Measurement {
  return { suite: "peers", case: name, system, metric, unit, value };
}

/** How many jobs keep a measurement busy for a second or so, found by growing ones, which also warm up. */
export async function calibrate(lab: Lab, secondsFor: (jobs: number) => Promise<number>): Promise<number> {
  const target = lab.quick ? 0.12 : 1;
  const most = lab.quick ? 30_000 : 250_000;
  for (let jobs = 400; ; ) {
    const seconds = await secondsFor(jobs);
    const wanted = Math.min(most, Math.max(500, Math.round((jobs * target) / seconds)));
    if (seconds > target / 3 || jobs >= most) return wanted;
    jobs = Math.min(jobs * 10, Math.ceil(wanted / 2) + jobs);
  }
}

/** The systems that offer what a case is about. */
export function systemsThat(can: (system: System) => boolean): readonly System[] {
  return SYSTEMS.filter(can);
}

export function setupOf(lab: Lab, changes: Partial<Setup> = {}): Setup {
  return { ...SETUP, url: lab.server.url, ...changes };
}

/** Opens a producer, works, and closes it whatever happens. */
export async function withProducer<T>(
  system: System,
  setup: Setup,
  work: (producer: Producer) => Promise<T>,
): Promise<T> {
  const producer = await system.openProducer(setup);
  try {
    return await inTime(system.name, work(producer));
  } finally {
    await producer.close();
  }
}

/** Opens a consumer, not yet started, works, and stops it whatever happens. */
export async function withConsumer<T>(
  system: System,
  setup: Setup,
  work: Work,
  watch: (consumer: Consumer) => Promise<T>,
): Promise<T> {
  const consumer = await system.openConsumer(setup, work);
  try {
    return await inTime(system.name, watch(consumer));
  } finally {
    await consumer.stop();
  }
}

/** Stores jobs in the fastest way, a thousand at a time. */
export async function load(producer: Producer, jobs: number, priority?: number): Promise<void> {
  for (let sent = 0; sent < jobs; sent += 1_000) {
    await producer.sendMany(range(sent, Math.min(jobs, sent + 1_000)), priority);
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

export function collectGarbage(): void {
  globalThis.gc?.();
}

async function inTime<T>(name: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} didn't finish in time`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function short(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
