/** With their numbers: a process that a signal ends exits with 128 plus the number. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

export type StopSignal = keyof typeof SIGNALS;

/** Calls `onSignal` for the first signal; a second one ends the process at once. Returns a function that stops listening. */
export function listenForSignals(onSignal: (signal: StopSignal) => void): () => void {
  let isFirst = true;
  const listeners = Object.entries(SIGNALS).map(([name, number]) => {
    const listener = () => {
      if (!isFirst) process.exit(128 + number);
      isFirst = false;
      onSignal(name as StopSignal);
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}
