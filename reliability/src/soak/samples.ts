import type { SoakStage } from "./soak-stage.ts";

/**
 * Memory is flat if its minimum grows by no more than this from the third quarter to the last: a share, or a number of
 * megabytes. In a soak of ten minutes that is about ten bytes per job.
 */
const MAX_GROWTH = { share: 0.1, megabytes: 4 };
const QUARTERS = [0, 1, 2, 3] as const;
/** Shorter soaks end before caches and compilers have settled, so their memory is only shown. */
const MIN_JUDGED_DURATION = 5 * 60_000;

interface Sample {
  readonly usedMemory: number;
  /** Heap bytes last reported by the worker that is never killed. */
  readonly workerHeap: number | undefined;
}

/** The memory of the server or a worker over time. */
export interface Trend {
  readonly what: string;
  /** The minimum in each quarter of the time. */
  readonly minima: readonly number[];
  /** `undefined` if the soak was too short to tell. */
  readonly isFlat: boolean | undefined;
}

/** Samples memory, while the server is reachable. */
export class Samples {
  readonly #samples: Sample[] = [];
  readonly #since = performance.now();

  async take(stage: SoakStage): Promise<void> {
    // While the server is down, this resolves once it is back.
    const usedMemory = await stage.redis.usedMemory().catch(() => undefined);
    if (usedMemory === undefined) return;
    const told = stage.workers[0]!.program.reports.findLast((report) => report.type === "heap");
    this.#samples.push({ usedMemory, workerHeap: told?.bytes });
  }

  trends(): readonly Trend[] {
    const isJudged = performance.now() - this.#since >= MIN_JUDGED_DURATION;
    return [
      this.#trend("Redis used_memory", ({ usedMemory }) => usedMemory, isJudged),
      this.#trend("heap of worker-0", ({ workerHeap }) => workerHeap, isJudged),
    ];
  }

  /** Uses the minimum of each quarter, because backlogs and garbage come on top of it. */
  #trend(what: string, read: (sample: Sample) => number | undefined, isJudged: boolean): Trend {
    const values = this.#samples.map(read).filter((value) => value !== undefined);
    const minima = QUARTERS.map((quarter) => {
      const from = Math.floor((values.length * quarter) / 4);
      const to = Math.floor((values.length * (quarter + 1)) / 4);
      return megabytes(Math.min(...values.slice(from, Math.max(to, from + 1))));
    });
    const [, , third = 0, last = 0] = minima;
    const maxGrowth = Math.max(MAX_GROWTH.share * third, MAX_GROWTH.megabytes);
    return { what, minima, isFlat: isJudged ? last - third <= maxGrowth : undefined };
  }
}

function megabytes(bytes: number): number {
  return Math.round((bytes / 1_048_576) * 10) / 10;
}
