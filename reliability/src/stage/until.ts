import { setTimeout as pause } from "node:timers/promises";

/** Rejects if the promise doesn't settle in time. The error says what didn't happen. */
export async function withTimeout<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`There was no ${what} within ${milliseconds} ms`));
    timer = setTimeout(giveUp, milliseconds);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

const POLL_INTERVAL = 20;

/** Polls until a condition holds that has no event. */
export async function eventually(
  milliseconds: number,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`There was no ${what} within ${milliseconds} ms`);
    await pause(POLL_INTERVAL);
  }
}
