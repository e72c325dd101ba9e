/**
 * Preloaded into a process to set its clock wrong, by the milliseconds in `CLOCK_SHIFT`. The monotonic clock
 * stays right, as it does when an administrator sets a machine's time.
 */
const shift = Number(process.env.CLOCK_SHIFT);
if (!Number.isFinite(shift)) throw new Error("CLOCK_SHIFT must be a number of milliseconds");
const realNow = Date.now;
const RealDate = Date;

class ShiftedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(realNow() + shift);
    else super(...(args as [number]));
  }

  static override now(): number {
    return realNow() + shift;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
