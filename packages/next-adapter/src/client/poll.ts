import type { Interest } from "../protocol/interests.ts";
import type { WireError } from "../protocol/refusals.ts";
import type { LiveClient } from "./live-client.ts";
import type { ConnectionState } from "./live-connection.ts";
import { toRequestError } from "./transport.ts";
import { isVisible, onVisibility } from "./visibility.ts";

interface PollParts {
  readonly client: LiveClient;
  readonly interest: Interest;
  /** Milliseconds. */
  readonly interval: number;
  /** Whether a value may still change by itself. */
  readonly isRunning: (value: unknown) => boolean;
  readonly onOutcome: (outcome: { readonly error?: WireError; readonly state: ConnectionState }) => void;
}

export interface Poll {
  /** Reads at once. Returns how to stop. */
  start(): () => void;
  /** Reads now, and goes on while the value may change. */
  wake(): void;
}

/** Browsers take a timer of less than this for no timer at all. */
const MIN_INTERVAL = 250;

/** Reads an interest while it may change and while somebody looks. A send in this browser wakes it. */
export function pollWhile({ client, interest, interval, isRunning, onOutcome }: PollParts): Poll {
  let abort: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isRefused = false;

  const turn = async (): Promise<void> => {
    clearTimeout(timer);
    abort?.abort();
    const current = new AbortController();
    abort = current;
    try {
      await client.read([interest], current.signal);
      if (current.signal.aborted) return;
      const { value, error } = client.store.peek(interest);
      const goesOn = error === undefined && isRunning(value);
      onOutcome({ state: goesOn ? "polling" : "idle", ...(error && { error }) });
      if (goesOn) again();
    } catch (thrown) {
      if (current.signal.aborted) return;
      const { error, isFinal } = toRequestError(thrown);
      isRefused = isFinal;
      onOutcome({ state: isRefused ? "refused" : "polling", error });
      if (!isRefused) again();
    }
  };
  const again = () => {
    timer = setTimeout(
      () => {
        if (isVisible()) void turn();
        else onOutcome({ state: "paused" });
      },
      Math.max(MIN_INTERVAL, interval),
    );
  };
  const wake = () => {
    isRefused = false;
    if (abort) void turn();
  };
  return {
    wake,
    start() {
      void turn();
      const stops = [
        client.sends.onSent(wake),
        onVisibility(() => {
          const { value } = client.store.peek(interest);
          if (isVisible() && !isRefused && (value === undefined || isRunning(value))) void turn();
        }),
      ];
      return () => {
        clearTimeout(timer);
        abort?.abort();
        abort = undefined;
        for (const stop of stops) stop();
      };
    },
  };
}
