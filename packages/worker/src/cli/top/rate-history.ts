import type { QueueMetrics } from "@org/queue";

export const RATES = ["completed", "failed", "retried"] as const;
export type RateName = (typeof RATES)[number];
type Counts = Readonly<Record<RateName, number>>;

const MINUTE = 60_000;
/** Milliseconds that a bar of a sparkline stands for. */
const BAR = 10_000;
/** Milliseconds over which a rate is told: short enough to be live, long enough not to jump. */
const WINDOW = 6_000;
/** Minutes that are read at first, and kept. */
const KEPT_MINUTES = 15;

interface Point {
  readonly at: number;
  /** Since the history began. */
  readonly counts: Counts;
  /** By queue; forgotten once no window reaches back to it. */
  ended: ReadonlyMap<string, number>;
}

const FORGOTTEN: ReadonlyMap<string, number> = new Map();

/** What was counted over time: by the minute before the first reading, and from one reading to the next since then. */
export class RateHistory {
  /** By queue and minute, as of the last reading. */
  readonly #minutes = new Map<string, Counts>();
  readonly #points: Point[] = [];
  #firstReading = 0;
  #total: Counts = { completed: 0, failed: 0, retried: 0 };
  readonly #ended = new Map<string, number>();

  /** The first minute that the next reading needs. */
  since(now: number): Date {
    const back = this.#firstReading === 0 ? KEPT_MINUTES : 1;
    // Counts of a minute may come in after its end, of jobs that were settled late.
    const from = Math.min(now, this.#points.at(-1)?.at ?? now);
    return new Date((Math.floor(from / MINUTE) - back) * MINUTE);
  }

  add(metrics: readonly QueueMetrics[], now: number): void {
    const isFirst = this.#firstReading === 0;
    if (isFirst) {
      this.#firstReading = now;
      this.#keep(Number(this.since(now)) - KEPT_MINUTES * MINUTE);
    }
    let minute = Number.NEGATIVE_INFINITY;
    for (const bucket of metrics) {
      if (isFirst && Number(bucket.minute) > minute) this.#keep(Number(bucket.minute));
      minute = Number(bucket.minute);
      this.#count(bucket);
      if (isFirst) this.#keep(Math.min(now, minute + MINUTE));
    }
    this.#keep(now);
    const oldest = now - KEPT_MINUTES * MINUTE;
    while (this.#points[1] && this.#points[1].at < oldest) this.#points.shift();
    for (const point of this.#points) if (point.at < now - 3 * MINUTE) point.ended = FORGOTTEN;
    for (const key of this.#minutes.keys()) {
      if (Number(key.slice(0, key.indexOf(" "))) < oldest - MINUTE) this.#minutes.delete(key);
    }
  }

  /** Events per second, now. */
  rate(name: RateName): number {
    return this.#perSecond(...this.#window(), ({ counts }) => counts[name]);
  }

  /** Jobs of a queue that completed or failed, per second, now. */
  ended(queue: string): number {
    return this.#perSecond(...this.#window(), ({ ended }) => ended.get(queue) ?? 0);
  }

  /** Events per second in each of the last `count` bars, the present one last. */
  bars(name: RateName, count: number): readonly number[] {
    const now = this.#points.at(-1)?.at ?? 0;
    const last = Math.floor((now - 1) / BAR) * BAR;
    return Array.from({ length: count }, (_, index) => {
      const from = last - (count - 1 - index) * BAR;
      return this.#perSecond(from, Math.min(from + BAR, now), ({ counts }) => counts[name]);
    });
  }

  #window(): readonly [from: number, to: number] {
    const now = this.#points.at(-1)?.at ?? 0;
    const live = now - this.#firstReading;
    return [now - (live < 1_000 ? MINUTE : Math.min(WINDOW, live)), now];
  }

  #count(bucket: QueueMetrics): void {
    const key = `${Number(bucket.minute)} ${bucket.queue}`;
    const before = this.#minutes.get(key);
    const added = (name: RateName) => Math.max(0, bucket[name] - (before?.[name] ?? 0));
    const { completed, failed, retried } = this.#total;
    this.#total = {
      completed: completed + added("completed"),
      failed: failed + added("failed"),
      retried: retried + added("retried"),
    };
    const ended = this.#ended.get(bucket.queue) ?? 0;
    this.#ended.set(bucket.queue, ended + added("completed") + added("failed"));
    this.#minutes.set(key, {
      completed: bucket.completed,
      failed: bucket.failed,
      retried: bucket.retried,
    });
  }

  #keep(at: number): void {
    const point = { at, counts: this.#total, ended: new Map(this.#ended) };
    if (this.#points.at(-1)?.at === at) this.#points.pop();
    this.#points.push(point);
  }

  #perSecond(from: number, to: number, read: (point: Point) => number): number {
    return to > from ? Math.max(0, ((this.#at(to, read) - this.#at(from, read)) / (to - from)) * 1_000) : 0;
  }

  /** Between two points it grows evenly. */
  #at(instant: number, read: (point: Point) => number): number {
    const next = this.#points.findLastIndex(({ at }) => at < instant) + 1;
    const [a, b] = [this.#points[next - 1], this.#points[next]];
    if (!b) return read(this.#points.at(-1)!);
    if (!a) return read(b);
    return read(a) + ((read(b) - read(a)) * (instant - a.at)) / (b.at - a.at);
  }
}
