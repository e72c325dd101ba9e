import type { SendData, SendItem, SendManyOptions } from "@org/queue";
import type { Random } from "../random.ts";
import type { soakStep } from "./messages.ts";

/** One job to send. */
export interface BurstJob {
  readonly ref?: string;
  readonly data: SendData<typeof soakStep>;
  readonly options: SendManyOptions & { readonly id: string };
}

/** Jobs that are sent together. Several are sent as one atomic batch. */
export type Unit = readonly BurstJob[];

export type SoakItem = SendItem<typeof soakStep>;

/** Number of ordering keys per producer. */
const KEYS = 20;

/** Generates jobs of every kind for one producer, a few dozen at a time. */
export class Bursts {
  readonly #random: Random;
  readonly #producer: number;
  #recent: readonly string[] = [];
  #number = 0;

  constructor(random: Random, producer: number) {
    this.#random = random;
    this.#producer = producer;
  }

  /** Number of jobs generated so far. */
  get made(): number {
    return this.#number;
  }

  next(size: number): readonly Unit[] {
    const units: Unit[] = [];
    const target = this.#number + size;
    while (this.#number < target) units.push(this.#unit());
    return units;
  }

  /** Marks jobs as acknowledged, so that later jobs may depend on them. */
  acknowledged(units: readonly Unit[]): void {
    this.#recent = [...this.#recent, ...units.flat().map(({ options }) => options.id)].slice(-200);
  }

  #unit(): Unit {
    const random = this.#random;
    const roll = random.next();
    if (roll < 0.01) return this.#fan();
    if (roll < 0.02) return this.#chain();
    if (roll < 0.12 && this.#recent.length > 0) return [this.#dependent()];
    if (roll < 0.24) {
      return [this.#job({ key: `p${this.#producer}k${random.between(0, KEYS - 1)}` })];
    }
    if (roll < 0.28) return [this.#job({}, { delay: random.between(50, 500) })];
    if (roll < 0.33) return [this.#job({ failures: random.between(1, 2) })];
    if (roll < 0.35) return [this.#job({ failures: 99 }, { attempts: 1 })];
    if (roll < 0.4) return [this.#job({ sleep: random.between(1, 20) })];
    return [this.#job({})];
  }

  #dependent(): BurstJob {
    const on = new Set(
      Array.from({ length: this.#random.between(1, 3) }, () => this.#random.pick(this.#recent)),
    );
    const onFailure = this.#random.pick(["cancel", "run"] as const);
    return this.#job({}, { dependsOn: [...on].map((job) => ({ job, onFailure })) });
  }

  /** One job, then five, then one again. */
  #fan(): Unit {
    const head = { ...this.#job({}), ref: "head" };
    const middle = Array.from({ length: 5 }, (_, index) => {
      const failures = this.#random.chance(0.1) ? 99 : 0;
      return {
        ...this.#job({ failures }, { dependsOn: [{ ref: "head" }], attempts: 1 }),
        ref: `middle-${index}`,
      };
    });
    const onFailure = this.#random.pick(["cancel", "run"] as const);
    return [head, ...middle, this.#job({}, { dependsOn: middle.map(({ ref }) => ({ ref, onFailure })) })];
  }

  #chain(): Unit {
    return Array.from({ length: 5 }, (_, index) => {
      const dependsOn = index === 0 ? [] : [{ ref: `link-${index - 1}` }];
      return { ...this.#job({}, { dependsOn }), ref: `link-${index}` };
    });
  }

  #job(data: BurstJob["data"], options: SendManyOptions = {}): BurstJob {
    return { data, options: { ...options, id: `${this.#producer}.${this.#number++}` } };
  }
}
