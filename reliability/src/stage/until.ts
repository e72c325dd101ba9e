import { setTimeout as pause } from "node:timers/promises";

/** The promise's value, or an error that says what didn't happen in time. */
export async function withTimeout<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`Within ${milliseconds} ms there was no ${what}`));
    timer = setTimeout(giveUp, milliseconds);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

const POLL_INTERVAL = 20;

/** Looks again and again until a condition of the server holds, where nothing announces that. */
export async function eventually(
  milliseconds: number,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Within ${milliseconds} ms there was no ${what}`);
    await pause(POLL_INTERVAL);
  }
}
