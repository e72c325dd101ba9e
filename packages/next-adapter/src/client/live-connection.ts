import type { Change, StreamEvent } from "../protocol/interests.ts";
import type { WireError } from "../protocol/refusals.ts";
import type { ActiveInterest } from "./live-store.ts";
import { type RequestError, type Transport, toRequestError } from "./transport.ts";

/**
 * How the newest state comes: by a stream (`live`), or by asking again and again (`polling`). `idle`: all that is followed
 * has ended. `paused`: nobody looks. `refused`: the server said no, and is asked no more.
 */
export type ConnectionState = "idle" | "connecting" | "live" | "polling" | "paused" | "refused";

export interface Connection {
  readonly state: ConnectionState;
  /** Of `refused`: why. Of the others: why the last attempt failed, until one succeeds. */
  readonly error: WireError | undefined;
}

interface Parts {
  readonly transport: Transport;
  readonly active: () => readonly ActiveInterest[];
  readonly listedVersions: () => Readonly<Record<string, string>>;
  readonly onChanges: (active: readonly ActiveInterest[], changes: readonly Change[]) => void;
  readonly onViewer: (viewer: string) => void;
  readonly onConnection: (connection: Connection) => void;
  /** Whether one read comes before the stream: its answer says with which tabs the stream may be shared. */
  readonly readsFirst: () => boolean;
  /** Milliseconds between two reads where streams don't come through. */
  readonly pollInterval: number;
  /** Whether to read again and again, and open no stream. */
  readonly onlyPolls?: boolean;
}

/** Milliseconds. */
const GATHER = 50;
/** A stream that hasn't begun by then is held back by something on its way. */
const FIRST_BYTE = 3_000;
const MAX_PAUSE = 10_000;
const PROBE_INTERVAL = 5_000;
/** Failures in a row after which polling takes over. */
const MAX_FAILURES = 2;

interface OpenStream {
  readonly abort: AbortController;
  /** Ends once the successor is ready. */
  isReplaced: boolean;
}

/** Keeps what is followed up to date: by a stream if it can, by polling if not, and by a stream again. */
export class LiveConnection {
  readonly #parts: Parts;
  readonly #pauses = new Set<string>();
  readonly #streams = new Set<OpenStream>();
  #connection: Connection = { state: "idle", error: undefined };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #poll: AbortController | undefined;
  #failures = 0;
  #isPolling = false;
  #probedAt = 0;
  #isClosed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#isPolling = parts.onlyPolls === true;
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** After what is followed has changed. Changes of one moment make one connection. */
  update(): void {
    this.#schedule(GATHER);
  }

  /** Stops until the same reason is taken back. Another tab's stream isn't a pause for who looks at the page. */
  pause(reason: "hidden" | "offline" | "follower"): void {
    this.#pauses.add(reason);
    this.#abortAll();
    clearTimeout(this.#timer);
    if (reason !== "follower") this.#set("paused");
  }

  resume(reason: string): void {
    if (!this.#pauses.delete(reason) || this.#pauses.size > 0) return;
    this.#failures = 0;
    this.#schedule(0);
  }

  /** Asks again after a refusal, for example once somebody has signed in. */
  retry(): void {
    if (this.#connection.state === "refused") this.#set("connecting");
    this.#schedule(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#abortAll();
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || this.#pauses.size > 0 || this.#connection.state === "refused") return;
    this.#timer = setTimeout(() => this.#turn(), delay);
  }

  #turn(): void {
    const active = this.#parts.active();
    if (active.length === 0) {
      this.#abortAll();
      this.#set("idle");
    } else if (this.#isPolling || this.#parts.readsFirst()) void this.#pollOnce(active);
    else this.#openStream(active);
  }

  #openStream(active: readonly ActiveInterest[]): void {
    for (const stream of this.#streams) stream.isReplaced = true;
    if (this.#connection.state !== "live") this.#set("connecting");
    const stream: OpenStream = { abort: new AbortController(), isReplaced: false };
    this.#streams.add(stream);
    void this.#follow(stream, active);
  }

  async #follow(stream: OpenStream, active: readonly ActiveInterest[]): Promise<void> {
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    let limit = FIRST_BYTE;
    let isHeldBack = false;
    const watch = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        isHeldBack = limit === FIRST_BYTE;
        stream.abort.abort();
      }, limit);
    };
    watch();
    let error: RequestError | undefined;
    try {
      await this.#parts.transport.stream(this.#request(active), {
        signal: stream.abort.signal,
        onBytes: watch,
        onEvent: (event) => {
          if (event.event === "hello") {
            limit = event.data.heartbeat * 2.5;
            watch();
          }
          this.#onEvent(stream, active, event);
        },
      });
    } catch (thrown) {
      error = toRequestError(thrown);
    }
    clearTimeout(watchdog);
    const wasOpen = this.#streams.delete(stream);
    if (wasOpen && !stream.isReplaced) this.#onEnd(error, isHeldBack);
  }

  #onEvent(stream: OpenStream, active: readonly ActiveInterest[], event: StreamEvent): void {
    if (!this.#streams.has(stream)) return;
    switch (event.event) {
      case "hello":
        // What the older one still has on its way may be older than what this one is about to bring.
        for (const other of this.#streams) if (other.isReplaced) this.#abort(other);
        this.#poll?.abort();
        this.#parts.onViewer(event.data.viewer);
        break;
      case "changes":
        this.#parts.onChanges(active, event.data);
        this.#endIfDone();
        break;
      case "ready":
        this.#failures = 0;
        this.#isPolling = false;
        clearTimeout(this.#timer);
        this.#set("live");
        this.#endIfDone();
        break;
      case "renew":
        if (!stream.isReplaced) this.#schedule(0);
        break;
    }
  }

  /** When nothing is left that may change, the stream has done its work. */
  #endIfDone(): void {
    if (this.#parts.active().length === 0) this.#schedule(0);
  }

  /** A stream that nobody replaced has ended, or never begun. */
  #onEnd(error: RequestError | undefined, isHeldBack: boolean): void {
    if (error?.isFinal) {
      this.#refuse(error.error);
      return;
    }
    this.#failures++;
    if (this.#isPolling) return;
    if (isHeldBack || this.#failures >= MAX_FAILURES) {
      this.#isPolling = true;
      this.#probedAt = Date.now();
      this.#schedule(0);
      return;
    }
    this.#set("connecting", error?.error);
    this.#schedule(100 + Math.random() * 400);
  }

  async #pollOnce(active: readonly ActiveInterest[]): Promise<void> {
    const abort = new AbortController();
    this.#poll?.abort();
    this.#poll = abort;
    if (!this.#isPolling && this.#connection.state !== "live") this.#set("connecting");
    try {
      const { viewer, changes } = await this.#parts.transport.read(this.#request(active), abort.signal);
      if (abort.signal.aborted) return;
      // What comes from here on is for the next turn, which `onViewer` may hold up.
      this.#schedule(this.#isPolling ? this.#parts.pollInterval : 0);
      this.#parts.onChanges(active, changes);
      this.#parts.onViewer(viewer);
      if (!this.#isPolling) return;
      const wasAway = this.#failures > MAX_FAILURES;
      this.#failures = MAX_FAILURES;
      if (this.#pauses.size === 0) this.#set("polling");
      if (wasAway || Date.now() - this.#probedAt >= PROBE_INTERVAL) this.#probe();
    } catch (thrown) {
      if (abort.signal.aborted) return;
      const { error, isFinal } = toRequestError(thrown);
      if (isFinal) {
        this.#refuse(error);
        return;
      }
      this.#failures++;
      this.#set(this.#isPolling ? "polling" : "connecting", error);
      const exponent = Math.max(0, this.#failures - MAX_FAILURES);
      const pause = Math.min(MAX_PAUSE, this.#parts.pollInterval * 2 ** exponent);
      this.#schedule(pause * (0.5 + Math.random() / 2));
    }
  }

  /** Tries a stream while polling goes on. */
  #probe(): void {
    this.#probedAt = Date.now();
    const active = this.#parts.active();
    if (active.length === 0 || this.#streams.size > 0 || this.#parts.onlyPolls) return;
    const stream: OpenStream = { abort: new AbortController(), isReplaced: false };
    this.#streams.add(stream);
    void this.#follow(stream, active);
  }

  #request(active: readonly ActiveInterest[]) {
    return {
      interests: active.map(({ interest }) => interest),
      known: active.map(({ version }) => version),
      knownJobs: this.#parts.listedVersions(),
    };
  }

  #refuse(error: WireError): void {
    this.#abortAll();
    clearTimeout(this.#timer);
    this.#set("refused", error);
  }

  #abortAll(): void {
    this.#poll?.abort();
    for (const stream of this.#streams) this.#abort(stream);
  }

  #abort(stream: OpenStream): void {
    this.#streams.delete(stream);
    stream.abort.abort();
  }

  #set(state: ConnectionState, error?: WireError): void {
    const { state: before, error: errorBefore } = this.#connection;
    if (before === state && errorBefore?.code === error?.code) return;
    this.#connection = { state, error };
    this.#parts.onConnection(this.#connection);
  }
}
