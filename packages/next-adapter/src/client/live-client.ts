import type { Interest } from "../protocol/interests.ts";
import { interestKey } from "./interest-key.ts";
import { type Connection, LiveConnection } from "./live-connection.ts";
import { type ActiveInterest, type KeyedChange, LiveStore, toKeyedChanges } from "./live-store.ts";
import { isVisible, onPage } from "./page.ts";
import { SendBatcher } from "./send-batcher.ts";
import { TabGroup, type TabPorts } from "./tab-group.ts";
import { Transport, type TransportOptions } from "./transport.ts";

/** What a live client takes. */
export interface LiveClientOptions extends TransportOptions {
  /** Milliseconds between two reads where streams don't come through. @default 2000 */
  readonly pollInterval?: number | undefined;
  /** How tabs find each other. `null`: each page has a stream of its own. @default the browser's locks and channels */
  readonly tabs?: TabPorts | null | undefined;
}

/** Browsers take a timer of less than this for no timer at all. */
const MIN_INTERVAL = 250;

/** Keeps what a page follows up to date, by one stream for all tabs of the browser. Knows no framework. */
export class LiveClient {
  readonly store: LiveStore;
  readonly transport: Transport;
  readonly sends: SendBatcher;
  readonly #url: string;
  readonly #ports: TabPorts | null;
  readonly #connection: LiveConnection;
  readonly #connectionListeners = new Set<() => void>();
  #viewer: string | undefined;
  #group: TabGroup | undefined;
  #shown: Connection = { state: "idle", error: undefined };
  #stops: (() => void)[] = [];
  #users = 0;

  constructor({ pollInterval = 2_000, tabs = browserPorts(), ...transport }: LiveClientOptions = {}) {
    this.#url = transport.url ?? "/api/queue";
    this.#ports = tabs;
    this.transport = new Transport(transport);
    this.store = new LiveStore(() => this.#onInterests());
    this.sends = new SendBatcher(this.store, (jobs) => this.transport.send(jobs));
    this.#connection = new LiveConnection({
      transport: this.transport,
      pollInterval,
      readsFirst: () => this.#ports !== null && this.#viewer === undefined,
      active: () => this.#active(),
      listedVersions: () => this.store.listedVersions(),
      onChanges: (active, changes) => {
        const keyed = toKeyedChanges(this.store, active, changes);
        this.store.take(keyed);
        this.#group?.share(keyed);
      },
      onViewer: (viewer) => this.#onViewer(viewer),
      onConnection: (connection) => this.#onConnection(connection),
    });
  }

  /** How the newest state comes. The same object until it changes. */
  get connection(): Connection {
    return this.#shown;
  }

  onConnection(listener: () => void): () => void {
    this.#connectionListeners.add(listener);
    return () => this.#connectionListeners.delete(listener);
  }

  /** Calls `listener` when the interest's value changes. Returns the function that ends it. */
  follow(interest: Interest, listener: () => void): () => void {
    if (this.#users++ === 0) this.#start();
    const unfollow = this.store.follow(interest, listener);
    let isEnded = false;
    return () => {
      if (isEnded) return;
      isEnded = true;
      unfollow();
      if (--this.#users === 0) this.#stop();
    };
  }

  /** Reads again: all that is followed, or some. Asks again after a refusal. */
  refetch(interests?: readonly Interest[]): void {
    this.store.refetch(interests);
    if (this.#leads) this.#connection.retry();
  }

  /**
   * Reads an interest while it may change and while somebody looks, without a stream. A send in this browser wakes it.
   *
   * @param isRunning whether a value may still change by itself
   * @param interval milliseconds between two reads
   */
  poll(
    interest: Interest,
    {
      interval,
      isRunning,
      onConnection,
    }: {
      readonly interval: number;
      readonly isRunning: (value: unknown) => boolean;
      readonly onConnection: (connection: Connection) => void;
    },
  ): { readonly wake: () => void; readonly stop: () => void } {
    const key = interestKey(interest);
    let isAsked = true;
    const poll: LiveConnection = new LiveConnection({
      transport: this.transport,
      onlyPolls: true,
      pollInterval: Math.max(MIN_INTERVAL, interval),
      readsFirst: () => false,
      active: () =>
        isAsked || isRunning(this.store.peek(interest).value)
          ? [{ key, interest, version: this.store.versionOf(key) }]
          : [],
      listedVersions: () => ({}),
      onChanges: (active, changes) => {
        isAsked = false;
        this.store.take(toKeyedChanges(this.store, active, changes));
      },
      onViewer: () => {},
      onConnection,
    });
    const wake = () => {
      isAsked = true;
      poll.retry();
    };
    const stops = [
      this.sends.onSent(wake),
      onPage(() => (isVisible() ? poll.resume("hidden") : poll.pause("hidden"))),
      () => poll.close(),
    ];
    wake();
    return {
      wake,
      stop: () => {
        for (const stop of stops) stop();
      },
    };
  }

  get #leads(): boolean {
    return !this.#group || this.#group.isLeader;
  }

  #active(): readonly ActiveInterest[] {
    const own = this.store.active();
    const keys = new Set(own.map(({ key }) => key));
    const others = new Map<string, ActiveInterest>();
    for (const { key, interest } of this.#group?.wanted ?? []) {
      if (!keys.has(key)) others.set(key, { key, interest, version: this.store.versionOf(key) });
    }
    return [...own, ...others.values()];
  }

  #start(): void {
    this.#stops = [
      onPage(() => {
        if (navigator.onLine) this.#connection.resume("offline");
        else this.#connection.pause("offline");
        this.#onVisibility();
      }),
    ];
    this.#onVisibility();
  }

  #stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#group?.close();
    this.#group = undefined;
    this.#viewer = undefined;
    this.#connection.update();
  }

  #onInterests(): void {
    if (this.#group && !this.#group.isLeader) this.#group.announce();
    else this.#connection.update();
  }

  /** The first answer says who it is for: only tabs of the same user share. */
  #onViewer(viewer: string): void {
    if (viewer === this.#viewer) return;
    const isOther = this.#viewer !== undefined;
    this.#viewer = viewer;
    this.#group?.close();
    this.#group = undefined;
    if (isOther) {
      this.store.clear();
      this.#connection.update();
    }
    if (this.#ports && this.#users > 0) this.#group = this.#join(this.#ports, viewer);
  }

  #join(ports: TabPorts, viewer: string): TabGroup {
    const group: TabGroup = new TabGroup({
      ports,
      name: `@org/queue-next:${this.#url}:${viewer}`,
      wants: () => ({
        isVisible: isVisible(),
        wanted: this.store.active(),
      }),
      onLead: () => {
        this.#connection.resume("follower");
        this.#onVisibility();
        this.#connection.update();
      },
      onFollow: () => this.#connection.pause("follower"),
      onWants: ({ wanted, isVisible: isSeen }) => {
        if (isSeen && !isVisible()) {
          group.handOver();
          return;
        }
        group.share(this.#known(wanted));
        this.#connection.update();
        this.#onVisibility();
      },
      onChanges: ({ changes }) => this.store.take(changes),
      onConnection: (connection) => this.#show(connection),
    });
    // Until it leads, the stream that it may have is another tab's to open.
    if (!group.isLeader) this.#connection.pause("follower");
    return group;
  }

  /** What this tab knows better than a follower. */
  #known(wanted: readonly ActiveInterest[]): readonly KeyedChange[] {
    return wanted.flatMap(({ key, interest, version }) => {
      const known = this.store.versionOf(key);
      if (known === null || known === version) return [];
      return [{ key, version: known, snapshot: this.store.peek(interest) }];
    });
  }

  #onVisibility(): void {
    const group = this.#group;
    if (group && !group.isLeader) group.announce();
    else if (isVisible()) this.#connection.resume("hidden");
    else if (group?.hasVisibleFollower) group.handOver();
    else this.#connection.pause("hidden");
  }

  #onConnection(connection: Connection): void {
    if (!this.#leads) return;
    this.#show(connection);
    this.#group?.shareConnection(connection);
  }

  #show(connection: Connection): void {
    const { state, error } = this.#shown;
    if (state === connection.state && error?.code === connection.error?.code) return;
    this.#shown = connection;
    for (const listener of this.#connectionListeners) listener();
  }
}

function browserPorts(): TabPorts | null {
  if (typeof navigator === "undefined" || !navigator.locks || typeof BroadcastChannel === "undefined")
    return null;
  return { locks: navigator.locks, createChannel: (name) => new BroadcastChannel(name) };
}
