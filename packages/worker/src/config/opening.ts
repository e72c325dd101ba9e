import { CommandError, EXIT_CODES } from "../exit-codes.ts";

/** Milliseconds for what a config awaits. */
const OPENING_TIMEOUT = 60_000;

/** What code of the app runs now for the command, the innermost last. */
const running: string[] = [];

/** What code of the app runs now, as "queue.config.ts" or "the function of queue". */
export function whatIsOpening(): string | undefined {
  return running.at(-1);
}

/**
 * Runs code of the app that opens something. If the process ends meanwhile, or has nothing left to wait for,
 * `whatIsOpening` names it. Rejects when it takes a minute.
 */
export async function opening<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  running.push(what);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `${what} hasn't finished within ${OPENING_TIMEOUT / 1_000} s: what it awaits never comes.`;
    // Not a reason for the process to stay: one that waits for nothing else ends, which is reported at once.
    timer = setTimeout(() => reject(new CommandError(text, EXIT_CODES.CONFIG)), OPENING_TIMEOUT).unref();
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
    running.splice(running.lastIndexOf(what), 1);
  }
}
