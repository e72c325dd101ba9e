import type { SoakStage } from "./soak-stage.ts";

/**
 * Memory is flat when its floor grows by no more than this from the third quarter to the last: a share, or so
 * many megabytes. In the ten minutes of a soak that is some ten bytes a job.
 */
const MAX_GROWTH = { share: 0.1, megabytes: 4 };
const QUARTERS = [0, 1, 2, 3] as const;
/** Shorter soaks end before caches and compilers have settled: their memory is shown, and not judged. */
const MIN_JUDGED_DURATION = 5 * 60_000;

interface Sample {
  readonly usedMemory: number;
  /** Bytes of the heap of the worker that is never killed, as it told last. */
  readonly workerHeap: number | undefined;
}

/** How the memory of the server and of a worker went. */
export interface Trend {
  readonly what: string;
  /** The least of each quarter of the time. */
  readonly minima: readonly number[];
  /** `undefined` when the soak was too short to tell. */
  readonly isFlat: boolean | undefined;
}

/** Looks at memory now and then, as far as the server can be asked. */
export class Samples {
  readonly #samples: Sample[] = [];
  readonly #since = performance.now();

  async take(stage: SoakStage): Promise<void> {
    // Asked while it is down it answers once it is back.
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

  /** The floor of a stretch tells what is kept: above it are backlogs and garbage. */
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
