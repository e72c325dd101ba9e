import { type Measurement, median } from "../../measurement.ts";
import type { Consumer, Producer, Setup, System, Work } from "../../peers/system.ts";
import { OURS, SYSTEMS } from "../../peers/systems.ts";
import { RATIO, ratioMetric } from "./figures.ts";
import type { RedisServer } from "./redis-server.ts";

/** The server and settings of a measurement. */
export interface Lab {
  readonly quick: boolean;
  readonly server: RedisServer;
  readonly progress: (line: string) => void;
}

/** One measurement of all systems that support it. */
export interface Case {
  readonly name: string;
  run(lab: Lab): Promise<readonly Measurement[]>;
}

/** The figures of one round of one system, by metric. */
type Figures = Readonly<Record<string, number>>;

interface Contest {
  readonly case: string;
  /** Units by metric. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly systems: readonly System[];
  /** Called for each system before the rounds, for example to choose the number of jobs. */
  readonly prepare?: (system: System) => Promise<number>;
  readonly measure: (system: System, prepared: number) => Promise<Figures>;
  /** @default 5, or 1 with `quick` */
  readonly rounds?: number;
}

/** After this, Redis or a system under test counts as stuck. */
const CASE_TIMEOUT_MS = 300_000;

const SETUP: Omit<Setup, "url"> = { atOnce: 1_000, concurrency: 100, keep: 0, keys: 0 };

/**
 * Measures every system in every round, one after the other, so that a temporary disturbance of the machine affects all
 * of them. Returns the medians.
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

/** The median of the ratios per round. Figures of one round were measured close together, medians weren't. */
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

/** The number of jobs that takes about a second. Found by growing measurements, which also warm up. */
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

/** The systems that support a case. */
export function systemsThat(can: (system: System) => boolean): readonly System[] {
  return SYSTEMS.filter(can);
}

export function setupOf(lab: Lab, changes: Partial<Setup> = {}): Setup {
  return { ...SETUP, url: lab.server.url, ...changes };
}

/** Opens a producer, runs `work`, and closes it in any case. */
export async function withProducer<T>(
  system: System,
  setup: Setup,
  work: (producer: Producer) => Promise<T>,
): Promise<T> {
  const producer = await system.openProducer(setup);
  try {
    return await withTimeout(system.name, work(producer));
  } finally {
    await producer.close();
  }
}

/** Opens a consumer without starting it, runs `work`, and stops it in any case. */
export async function withConsumer<T>(
  system: System,
  setup: Setup,
  work: Work,
  watch: (consumer: Consumer) => Promise<T>,
): Promise<T> {
  const consumer = await system.openConsumer(setup, work);
  try {
    return await withTimeout(system.name, watch(consumer));
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

async function withTimeout<T>(name: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} didn't finish in time`)), CASE_TIMEOUT_MS);
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
