import { createContext, createElement, type ReactNode, useContext, useState } from "react";
import { LiveClient, type LiveClientOptions } from "../client/live-client.ts";

const Context = createContext<LiveClient | undefined>(undefined);

/** The client of a page without a provider: one, with the default options. */
let shared: LiveClient | undefined;

export interface QueueProviderProps extends LiveClientOptions {
  readonly children?: ReactNode;
}

/**
 * Sets the options of the hooks below it, such as where the routes are. Pages that need none leave it out. Options are
 * read once.
 *
 * @example
 * <QueueProvider url="/api/jobs">{children}</QueueProvider>
 */
export function QueueProvider({ children, ...options }: QueueProviderProps): ReactNode {
  const [client] = useState(() => new LiveClient(options));
  return createElement(Context.Provider, { value: client }, children);
}

export function useLiveClient(): LiveClient {
  const provided = useContext(Context);
  if (provided) return provided;
  // A server renders for many users: nothing is shared there.
  if (typeof window === "undefined") return SERVER;
  shared ??= new LiveClient();
  return shared;
}

/** Follows nothing: effects don't run on a server. */
const SERVER = new LiveClient({ tabs: null });
