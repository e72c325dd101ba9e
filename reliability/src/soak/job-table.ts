/** The contents of the soak's ledgers per job, in columns. A million jobs take about 40 MB. */
export class JobTable {
  readonly #producers: number;
  #capacity = 1 << 16;
  #sent = new Uint8Array(this.#capacity);
  #acknowledged = new Uint8Array(this.#capacity);
  #cancelAsked = new Uint8Array(this.#capacity);
  #endings = new Uint8Array(this.#capacity);
  /** The letter of the accepted ending, as a character code. */
  #outcome = new Uint8Array(this.#capacity);
  #epoch = new Uint16Array(this.#capacity);
  #claimedAt = new Float64Array(this.#capacity).fill(Number.NaN);
  /** Without claims that only reserved the job. */
  #turnAt = new Float64Array(this.#capacity).fill(Number.NaN);
  #endedAt = new Float64Array(this.#capacity).fill(Number.NaN);
  /** Epochs of jobs that were claimed more than once. */
  readonly #reclaims = new Map<number, number[]>();
  readonly dependencies = new Map<number, readonly Edge[]>();
  readonly byKey = new Map<string, number[]>();
  #length = 0;

  constructor(producers: number) {
    this.#producers = producers;
  }

  /** The greatest index plus one. */
  get length(): number {
    return this.#length;
  }

  /** Ids are `producer.number`. The table is dense. */
  indexOf(id: string): number {
    const dot = id.indexOf(".");
    const index = Number(id.slice(dot + 1)) * this.#producers + Number(id.slice(0, dot));
    if (index >= this.#capacity) this.#grow(index);
    if (index >= this.#length) this.#length = index + 1;
    return index;
  }

  idOf(index: number): string {
    return `${index % this.#producers}.${Math.floor(index / this.#producers)}`;
  }

  /** False if the job was sent before, so that this is a resend. */
  markSent(index: number): boolean {
    const isFirst = this.#sent[index] === 0;
    this.#sent[index] = 1;
    return isFirst;
  }

  markAcknowledged(index: number): void {
    this.#acknowledged[index] = 1;
  }

  markCancelAsked(index: number): void {
    this.#cancelAsked[index] = 1;
  }

  /** False if this epoch was claimed before. */
  markClaimed(index: number, epoch: number, at: number, isReserved: boolean): boolean {
    const first = this.#epoch[index];
    if (first === 0) this.#epoch[index] = epoch;
    else {
      const others = this.#reclaims.get(index) ?? [];
      if (first === epoch || others.includes(epoch)) return false;
      others.push(epoch);
      this.#reclaims.set(index, others);
    }
    if (!(this.#claimedAt[index]! <= at)) this.#claimedAt[index] = at;
    if (!isReserved && !(this.#turnAt[index]! <= at)) this.#turnAt[index] = at;
    return true;
  }

  /** An ending was sent at `at`, so it was stored later. */
  markEnding(index: number, at: number): void {
    if (!(this.#endedAt[index]! <= at)) this.#endedAt[index] = at;
  }

  markAccepted(index: number, outcome: string): void {
    this.#endings[index]!++;
    this.#outcome[index] = outcome.charCodeAt(0);
  }

  isSent(index: number): boolean {
    return this.#sent[index] === 1;
  }

  isAcknowledged(index: number): boolean {
    return this.#acknowledged[index] === 1;
  }

  isCancelAsked(index: number): boolean {
    return this.#cancelAsked[index] === 1;
  }

  endings(index: number): number {
    return this.#endings[index]!;
  }

  /** The letter of the accepted ending, if it is known. */
  outcome(index: number): string | undefined {
    return this.#outcome[index] === 0 ? undefined : String.fromCharCode(this.#outcome[index]!);
  }

  /** When the reply to the first claim arrived, `NaN` without one. */
  claimedAt(index: number): number {
    return this.#claimedAt[index]!;
  }

  /** When the reply to the first claim that wasn't a reservation arrived, `NaN` without one. */
  turnAt(index: number): number {
    return this.#turnAt[index]!;
  }

  /** The earliest time the job can have ended, `NaN` if no ending was sent. */
  endedAt(index: number): number {
    return this.#endedAt[index]!;
  }

  get reclaimed(): number {
    return this.#reclaims.size;
  }

  #grow(index: number): void {
    while (this.#capacity <= index) this.#capacity *= 2;
    this.#sent = copy(this.#sent, new Uint8Array(this.#capacity));
    this.#acknowledged = copy(this.#acknowledged, new Uint8Array(this.#capacity));
    this.#cancelAsked = copy(this.#cancelAsked, new Uint8Array(this.#capacity));
    this.#endings = copy(this.#endings, new Uint8Array(this.#capacity));
    this.#outcome = copy(this.#outcome, new Uint8Array(this.#capacity));
    this.#epoch = copy(this.#epoch, new Uint16Array(this.#capacity));
    this.#claimedAt = copy(this.#claimedAt, new Float64Array(this.#capacity).fill(Number.NaN));
    this.#turnAt = copy(this.#turnAt, new Float64Array(this.#capacity).fill(Number.NaN));
    this.#endedAt = copy(this.#endedAt, new Float64Array(this.#capacity).fill(Number.NaN));
  }
}

/** A dependency, by its index in the table. */
export interface Edge {
  readonly on: number;
  /** `c`, `r` or `h`. */
  readonly policy: string;
}

function copy<Column extends Uint8Array | Uint16Array | Float64Array>(from: Column, to: Column): Column {
  to.set(from as never);
  return to;
}
