import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { interestKey } from "../client/interest-key.ts";
import type { LiveClient } from "../client/live-client.ts";
import type { Connection } from "../client/live-connection.ts";
import type { Interest, StatusListInterest } from "../protocol/interests.ts";
import { useLiveClient } from "./provider.ts";
import { type LiveOptions, type LiveResult, useCall, useLive } from "./use-live.ts";

/** A row as it travels in JSON. Apps name its type. */
export type StatusRow = Readonly<Record<string, unknown>>;

export interface StatusLive<Row> extends LiveResult {
  /** `undefined` until it is known; `null` if nothing has run for the subject yet. */
  readonly status: Row | null | undefined;
}

export interface StatusesLive<Row> extends LiveResult {
  /** The latest changed first. */
  readonly statuses: readonly Row[];
}

/** The subject of a status: its table by the name that the routes know it by, and its key. */
export interface StatusSubject {
  readonly table: string;
  readonly key: Readonly<Record<string, string | number | boolean>>;
}

const NONE: readonly never[] = Object.freeze([]);

/**
 * Follows the status of a subject. `null`: none yet.
 *
 * @example
 * const { status } = useStatus<ScanStatus>({ table: "scans", key: { guildId, channelId } });
 */
export function useStatus<Row = StatusRow>(
  subject: StatusSubject | null,
  options: LiveOptions<Row | null> = {},
): StatusLive<Row> {
  const interest: Interest | null = subject && { kind: "status", ...subject };
  const { value: status, ...rest } = useLive<Row | null>(interest ? [interest] : NONE, options, (store) =>
    interest ? (store.peek(interest).value as Row | null | undefined) : undefined,
  );
  return { status, ...rest };
}

/**
 * Follows statuses by the values of their columns. `null`: none.
 *
 * @example
 * const { statuses } = useStatuses<ScanStatus>({ table: "scans", where: { guildId } });
 */
export function useStatuses<Row = StatusRow>(
  filter: Omit<StatusListInterest, "kind"> | null,
  options: LiveOptions<readonly Row[]> = {},
): StatusesLive<Row> {
  const interest: Interest | null = filter && { kind: "statuses", ...filter };
  const { value: statuses = NONE, ...rest } = useLive<readonly Row[]>(
    interest ? [interest] : NONE,
    options,
    (store) => (interest ? (store.peek(interest).value as readonly Row[] | undefined) : undefined),
  );
  return { statuses, ...rest };
}

function isRunning(row: unknown): boolean {
  const { status } = Object(row) as { readonly status?: unknown };
  return status === "PENDING" || status === "RUNNING";
}

/**
 * Reads the status of a subject again and again, but only while it is `PENDING` or `RUNNING`, and while somebody looks. A
 * send in this browser wakes it. It needs no stream. `null`: none.
 *
 * @param interval milliseconds between two reads
 * @example
 * const { status } = usePolledStatus<ScanStatus>({ table: "scans", key: { guildId, channelId } }, 5_000);
 */
export function usePolledStatus<Row = StatusRow>(
  subject: StatusSubject | null,
  interval: number,
  { enabled = true, initialData, onError }: LiveOptions<Row | null> = {},
): StatusLive<Row> {
  const client = useLiveClient();
  const key = subject && enabled ? interestKey({ kind: "status", ...subject }) : "";
  const interest = useMemo(() => (key === "" ? null : (JSON.parse(key) as Interest)), [key]);
  const [{ state, error }, setConnection] = useState<Connection>({ state: "connecting", error: undefined });
  const polling = useRef<ReturnType<LiveClient["poll"]>>(undefined);
  useEffect(() => {
    if (!interest) return undefined;
    const poll = client.poll(interest, { interval, isRunning, onConnection: setConnection });
    polling.current = poll;
    return poll.stop;
  }, [client, interest, interval]);
  const value = useSyncExternalStore(
    useCallback(
      (listener) => (interest ? client.store.observe(interest, listener) : () => {}),
      [client, interest],
    ),
    () => (interest ? (client.store.peek(interest).value as Row | null | undefined) : undefined),
    () => undefined,
  );
  const status = value === undefined ? initialData : value;
  useCall(onError, error);
  return {
    status,
    loading: interest !== null && status === undefined && error === undefined,
    error,
    connection: interest === null ? "idle" : state,
    refetch: useCallback(() => polling.current?.wake(), []),
  };
}
