/**
 * Waits for an answer, but not for ever: a connection that died half-open never answers. When the time is over it
 * rejects with what `silence` makes; an answer that comes later is ignored.
 */
export function within<T>(milliseconds: number, answer: Promise<T>, silence: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(silence()), milliseconds);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
