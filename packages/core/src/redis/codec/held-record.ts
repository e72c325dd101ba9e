/** The record of a held job, which `lua/lib/held.lua` writes. */
export interface HeldRecord {
  readonly epoch: number;
  /** 0 while the job is reserved. */
  readonly startedAt: number;
  readonly attempt: number;
  readonly stalls: number;
  readonly bounces: number;
}

export function parseHeldRecord(text: string): HeldRecord {
  const [epoch, , , startedAt, attempt, stalls, bounces] = text.split(" ", 7).map(Number);
  return { epoch: epoch!, startedAt: startedAt!, attempt: attempt!, stalls: stalls!, bounces: bounces! };
}
