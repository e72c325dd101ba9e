import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { interestKey } from "../client/interest-key.ts";
import type { LiveClient } from "../client/live-client.ts";
import type { Connection, ConnectionState } from "../client/live-connection.ts";
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
const NOTHING = () => {};

interface Followed<Value> extends LiveResult {
  readonly value: Value | undefined;
}

/**
 * Follows one interest. `null`: none.
 *
 * @param read the value of the interest; the same one until it changes
 */
export function useLive<Value>(
  interest: Interest | null,
  { enabled = true, initialData, onError }: LiveOptions<Value>,
  read: (client: LiveClient, interest: Interest) => Value | undefined,
): Followed<Value> {
  const client = useLiveClient();
  // An equal interest that is written anew in each render is the same one.
  const key = interest && enabled ? interestKey(interest) : null;
  const subscribe = useCallback(
    (listener: () => void) => (key === null ? NOTHING : client.follow(JSON.parse(key) as Interest, listener)),
    [client, key],
  );
  const value = useSyncExternalStore(
    subscribe,
    () => (key === null ? undefined : read(client, JSON.parse(key) as Interest)),
    () => undefined,
  );
  const snapshotError = useSyncExternalStore(
    subscribe,
    () => (key === null ? undefined : client.store.peek(JSON.parse(key) as Interest).error),
    () => undefined,
  );
  const connection = useConnection(client);
  const shown = value === undefined ? initialData : value;
  const error = snapshotError ?? (connection.state === "refused" ? connection.error : undefined);
  const refetch = useCallback(() => {
    client.refetch(key === null ? undefined : (JSON.parse(key) as Interest));
  }, [client, key]);
  useCall(onError, error);
  return {
    value: shown,
    loading: key !== null && shown === undefined && error === undefined,
    error,
    connection: key === null ? "idle" : connection.state,
    refetch,
  };
}

function useConnection(client: LiveClient): Connection {
  return useSyncExternalStore(
    useCallback((listener: () => void) => client.onConnection(listener), [client]),
    () => client.connection,
    () => IDLE,
  );
}

/** Calls the newest callback each time there is another argument. */
export function useCall<Argument>(callback: ((argument: Argument) => void) | undefined, argument: Argument | undefined): void {
  const newest = useRef(callback);
  useEffect(() => {
    newest.current = callback;
  });
  useEffect(() => {
    if (argument !== undefined) newest.current?.(argument);
  }, [argument]);
}
