import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { interestKey } from "../client/interest-key.ts";
import type { LiveClient } from "../client/live-client.ts";
import type { Connection, ConnectionState } from "../client/live-connection.ts";
import type { LiveStore } from "../client/live-store.ts";
import type { Interest } from "../protocol/interests.ts";
import type { WireError } from "../protocol/refusals.ts";
import { useLiveClient } from "./provider.ts";

/** Options that all hooks take. */
export interface LiveOptions<Value> {
  /** Whether to follow at all. @default true */
  readonly enabled?: boolean | undefined;
  /** What a server component has read: it is shown at once, and goes on live. */
  readonly initialData?: Value | undefined;
  /** Called once when reading or following fails, until it succeeds again. */
  readonly onError?: ((error: WireError) => void) | undefined;
}

/** What all hooks return beside their value. The state of a job is never that of the connection. */
export interface LiveResult {
  /** Whether there is nothing to show yet. */
  readonly loading: boolean;
  /** Why there is no newer value. The last one stays. */
  readonly error: WireError | undefined;
  /** How the newest state comes. */
  readonly connection: ConnectionState;
  /** Reads again, and asks again after a refusal. */
  readonly refetch: () => void;
}

const IDLE: Connection = { state: "idle", error: undefined };

interface Followed<Value> extends LiveResult {
  readonly value: Value | undefined;
}

/**
 * Follows interests. None: nothing is followed.
 *
 * @param read the value of the interests: the same one until it changes, `undefined` until it is known
 */
export function useLive<Value>(
  interests: readonly Interest[],
  { enabled = true, initialData, onError }: LiveOptions<Value>,
  read: (store: LiveStore) => Value | undefined,
): Followed<Value> {
  const client = useLiveClient();
  // Equal interests that are written anew in each render are the same ones.
  const key = enabled && interests.length > 0 ? JSON.stringify(interests.map(interestKey)) : "";
  const followed = useMemo(() => parseKey(key), [key]);
  const subscribe = useCallback(
    (listener: () => void) => {
      const stops = followed.map((interest) => client.follow(interest, listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    [client, followed],
  );
  const isOn = followed.length > 0;
  const value = useSyncExternalStore(
    subscribe,
    () => (isOn ? read(client.store) : undefined),
    () => undefined,
  );
  const ownError = useSyncExternalStore(
    subscribe,
    () => findError(client.store, followed),
    () => undefined,
  );
  const connection = useConnection(client);
  const shown = value === undefined ? initialData : value;
  const error = ownError ?? (isOn && connection.state === "refused" ? connection.error : undefined);
  const refetch = useCallback(() => client.refetch(followed), [client, followed]);
  useCall(onError, error);
  return {
    value: shown,
    loading: isOn && shown === undefined && error === undefined,
    error,
    connection: isOn ? connection.state : "idle",
    refetch,
  };
}

function parseKey(key: string): readonly Interest[] {
  const keys: readonly string[] = key === "" ? [] : JSON.parse(key);
  return keys.map((one) => JSON.parse(one) as Interest);
}

function findError(store: LiveStore, interests: readonly Interest[]): WireError | undefined {
  for (const interest of interests) {
    const { error } = store.peek(interest);
    if (error) return error;
  }
  return undefined;
}

function useConnection(client: LiveClient): Connection {
  return useSyncExternalStore(
    useCallback((listener: () => void) => client.onConnection(listener), [client]),
    () => client.connection,
    () => IDLE,
  );
}

/** Calls the newest callback each time there is another argument. */
export function useCall<Argument>(
  callback: ((argument: Argument) => void) | undefined,
  argument: Argument | undefined,
): void {
  const newest = useRef(callback);
  useEffect(() => {
    newest.current = callback;
  });
  useEffect(() => {
    if (argument !== undefined) newest.current?.(argument);
  }, [argument]);
}
