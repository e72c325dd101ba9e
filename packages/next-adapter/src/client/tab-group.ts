import type { Connection } from "./live-connection.ts";
import type { TabMessage, Wanted } from "./tab-messages.ts";

/** What a tab group needs of the browser. */
export interface TabPorts {
  readonly locks: Pick<LockManager, "request">;
  readonly createChannel: (name: string) => BroadcastChannel;
}

/** Milliseconds. */
const BEAT = 1_000;
/** Beats that a leader may miss: then it is frozen, and another tab takes its place. */
const MAX_MISSED = 3;
/** Beats after which a follower says again what it follows. */
const ANNOUNCE_EVERY = 10;
/** A follower that was silent for so long is gone. Timers of hidden pages run once a minute. */
const SILENT = 150_000;

interface Parts {
  readonly ports: TabPorts;
  /** The same for all tabs that may share, and for no others. */
  readonly name: string;
  /** What this tab follows itself. */
  readonly wants: () => Omit<Extract<TabMessage, { readonly type: "wants" }>, "type" | "tab">;
  readonly onLead: () => void;
  readonly onFollow: () => void;
  /** Of a leader: what followers want has changed. */
  readonly onWants: (message: Extract<TabMessage, { readonly type: "wants" }>) => void;
  /** Of a follower. */
  readonly onChanges: (message: Extract<TabMessage, { readonly type: "changes" }>) => void;
  readonly onConnection: (connection: Connection) => void;
}

type Wants = Extract<TabMessage, { readonly type: "wants" }>;

/** The tabs of one browser that share a stream: one leads and has it, the others follow. */
export class TabGroup {
  readonly #parts: Parts;
  readonly #channel: BroadcastChannel;
  readonly #tab = crypto.randomUUID();
  readonly #followers = new Map<string, { readonly wants: Wants; readonly at: number }>();
  readonly #timer: ReturnType<typeof setInterval>;
  #leader: string | undefined;
  #beats = 0;
  #release: (() => void) | undefined;
  #waiting: AbortController | undefined;
  #heardAt = Date.now();
  #connection: Connection = { state: "connecting", error: undefined };
  #isClosed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#channel = parts.ports.createChannel(parts.name);
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => this.#onMessage(data);
    this.#timer = setInterval(() => this.#beat(), BEAT);
    this.#queueUp(false);
    this.announce();
  }

  get isLeader(): boolean {
    return this.#release !== undefined;
  }

  /** What the other tabs follow, as their leader knows it. */
  get wanted(): readonly Wanted[] {
    return [...this.#followers.values()].flatMap(({ wants }) => wants.wanted);
  }

  get hasVisibleFollower(): boolean {
    return [...this.#followers.values()].some(({ wants }) => wants.isVisible);
  }

  /** Tells the leader what this tab follows now. */
  announce(): void {
    if (!this.isLeader) this.#post({ type: "wants", tab: this.#tab, ...this.#parts.wants() });
  }

  /** Passes on what the leader was sent. */
  share(changes: Extract<TabMessage, { readonly type: "changes" }>["changes"]): void {
    if (this.isLeader && changes.length > 0) this.#post({ type: "changes", changes });
  }

  shareConnection(connection: Connection): void {
    this.#connection = connection;
    if (this.isLeader) this.#post({ type: "leads", tab: this.#tab, connection });
  }

  /** Lets another tab lead. */
  handOver(): void {
    if (!this.isLeader) return;
    this.#follow();
    this.#queueUp(false);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#waiting?.abort();
    this.#release?.();
    this.#release = undefined;
    this.#post({ type: "leaves", tab: this.#tab });
    this.#channel.close();
  }

  #onMessage(message: TabMessage): void {
    if (this.#isClosed) return;
    switch (message.type) {
      case "wants":
        if (!this.isLeader) return;
        this.#followers.set(message.tab, { wants: message, at: Date.now() });
        this.#parts.onWants(message);
        return;
      case "leaves":
        this.#followers.delete(message.tab);
        return;
      case "leads":
        if (this.isLeader) return;
        this.#heardAt = Date.now();
        if (this.#leader !== message.tab) {
          this.#leader = message.tab;
          this.announce();
        }
        this.#parts.onConnection(message.connection);
        return;
      case "changes":
        if (!this.isLeader) this.#parts.onChanges(message);
    }
  }

  #beat(): void {
    if (this.isLeader) {
      this.#post({ type: "leads", tab: this.#tab, connection: this.#connection });
      this.#forgetSilent();
    } else {
      if (++this.#beats % ANNOUNCE_EVERY === 0) this.announce();
      if (Date.now() - this.#heardAt > MAX_MISSED * BEAT) this.#queueUp(true);
    }
  }

  /** Followers that are closed without a word, or frozen. */
  #forgetSilent(): void {
    const now = Date.now();
    for (const [tab, { at }] of this.#followers) {
      if (now - at > SILENT) this.#followers.delete(tab);
    }
  }

  /** @param steal take the lock from a leader that doesn't answer */
  #queueUp(steal: boolean): void {
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    this.#heardAt = Date.now();
    const hold = () =>
      new Promise<void>((release) => {
        this.#waiting = undefined;
        if (this.#isClosed) return release();
        this.#lead(release);
      });
    // A lock can't be both waited for with a signal and stolen.
    const options = steal ? { steal } : { signal: waiting.signal };
    this.#parts.ports.locks.request(this.#parts.name, options, hold).catch(() => {
      // Stolen by a tab that has missed this one's beats, or given up while it was waited for.
      if (this.#isClosed || !this.isLeader) return;
      this.#follow();
      this.#queueUp(false);
    });
  }

  #lead(release: () => void): void {
    this.#release = release;
    this.#leader = this.#tab;
    this.#followers.clear();
    this.shareConnection(this.#connection);
    this.#parts.onLead();
  }

  #follow(): void {
    this.#release?.();
    this.#release = undefined;
    this.#leader = undefined;
    this.#heardAt = Date.now();
    this.#followers.clear();
    this.#parts.onFollow();
  }

  #post(message: TabMessage): void {
    if (!this.#isClosed || message.type === "leaves") this.#channel.postMessage(message);
  }
}
