/**
 * Preloaded into a process to shift its clock by the milliseconds in `CLOCK_SHIFT`. The monotonic clock doesn't change,
 * as when an administrator sets the time of a machine.
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
