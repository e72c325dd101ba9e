import { QueueError } from "../../errors/queue-error.ts";
import { sentence } from "../../errors/sentence.ts";
import { messageOf } from "../../errors/thrown.ts";
import type { RedisClient, ResolvedRedisOptions } from "../redis-options.ts";
import { codeOf } from "./connection-errors.ts";
import { describeAddress, type RedisAddress } from "./redis-url.ts";

type Arguments = readonly (string | number)[];

/** What the engine uses of ioredis' `Redis`, which flattens arrays among the arguments of a command. */
export interface Client {
  connect(): Promise<void>;
  disconnect(): void;
  /** The socket. `secureConnecting`: during the TLS handshake. */
  readonly stream?: { readonly connecting: boolean; readonly secureConnecting?: boolean } | undefined;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  evalsha(sha: string, keys: 2, prefix: string, channels: string, args: Arguments): Promise<unknown>;
  eval(text: string, keys: 2, prefix: string, channels: string, args: Arguments): Promise<unknown>;
  info(): Promise<string>;
  get(key: string): Promise<string | null>;
  set(key: string, value: number, condition: "NX"): Promise<string | null>;
  del(key: string): Promise<number>;
  publish(channel: string, message: string): Promise<number>;
  ping(): Promise<string>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
}

interface ClientOptions extends RedisAddress {
  readonly sentinels?: readonly unknown[] | null;
  readonly name?: string | null;
  readonly sentinelCommandTimeout?: number;
}

/** Creates ioredis clients, each for one socket. */
export class ClientSource {
  /** For messages. */
  readonly address: string;
  /** Milliseconds for one attempt. Sentinels share the option's time, so that a dead one can't use it up. */
  readonly connectTimeout: number;
  /** Whether Sentinels name the server. Then the next attempt may lead to another one. */
  readonly hasSentinels: boolean;
  /** Whether connections begin with TLS; `undefined` with Sentinels. */
  readonly tls: boolean | undefined;
  /** The number of the database. */
  readonly database: number;
  /** `undefined`: the server's default user. */
  readonly user: string | undefined;
  /** `undefined` with Sentinels, and of a unix socket. */
  readonly host: string | undefined;
  readonly #sentinels: readonly unknown[];
  readonly #createClient: (options: object) => Promise<Client>;

  constructor({ server, connectTimeout }: Pick<ResolvedRedisOptions, "server" | "connectTimeout">) {
    const known: ClientOptions = "client" in server ? server.client.options : server.address;
    this.#sentinels = known.sentinels ?? [];
    this.hasSentinels = this.#sentinels.length > 0;
    this.tls = this.hasSentinels ? undefined : Boolean(known.tls);
    this.database = known.db ?? 0;
    this.user = known.username ?? undefined;
    this.host = this.hasSentinels || known.path !== undefined ? undefined : (known.host ?? "localhost");
    this.address = this.hasSentinels ? `Sentinel's "${known.name}"` : describeAddress(known);
    this.connectTimeout = Math.max(100, Math.ceil(connectTimeout / (this.#sentinels.length || 1)));
    const ours = {
      ...SINGLE_USE,
      connectTimeout: this.connectTimeout,
      ...(this.hasSentinels && {
        sentinelCommandTimeout: known.sentinelCommandTimeout ?? this.connectTimeout,
      }),
    };
    this.#createClient =
      "client" in server
        ? async (options) => duplicate(server.client, { ...ours, ...options })
        : (options) => createRedis({ ...server.address, ...ours, ...options });
  }

  /** A client that isn't connected yet. Each failure makes it ask the next Sentinel first. */
  create(failures: number): Promise<Client> {
    if (!this.hasSentinels) return this.#createClient({});
    const first = failures % this.#sentinels.length;
    return this.#createClient({
      sentinels: [...this.#sentinels.slice(first), ...this.#sentinels.slice(0, first)],
    });
  }
}

/**
 * A client serves one socket, and its calls end with it: ioredis would run the calls that it keeps for its next
 * connection a second time, or never answer them. The engine reconnects with a new client instead.
 */
const SINGLE_USE = {
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableOfflineQueue: false,
  lazyConnect: true,
  // `server-check.ts` checks the same and more.
  enableReadyCheck: false,
  // Closes the socket at once, with the calls that wait for it.
  disconnectTimeout: 1,
  // `RedisSession` has its own timeout: these would count time in which a handler blocks the event loop.
  commandTimeout: undefined,
  socketTimeout: undefined,
  // The rest overrides options that a copied client may have.
  role: "master",
  readOnly: false,
  monitor: false,
  keyPrefix: "",
  stringNumbers: false,
  replyMapping: "legacy",
  enableAutoPipelining: false,
  showFriendlyErrorStack: false,
  scripts: undefined,
  himportFieldsets: undefined,
} as const;

function duplicate(client: RedisClient, options: object): Client {
  return (client as unknown as { duplicate(options: object): Client }).duplicate(options);
}

/** Loads ioredis on the first call. A bundler accepts a missing package only if the import has a `catch`. */
async function createRedis(options: object): Promise<Client> {
  const { Redis } = await import("ioredis").catch((cause: unknown) => {
    throw loadError(cause);
  });
  return new Redis(options) as unknown as Client;
}

function loadError(cause: unknown): QueueError {
  const text = messageOf(cause);
  const isMissing = /MODULE_NOT_FOUND/.test(codeOf(cause)) && /['"]ioredis['"]/.test(text);
  const why = isMissing
    ? "run `npm install ioredis`."
    : `${sentence(text)} Where the app is bundled, mark ioredis as external in the bundler.`;
  const problem = `The redis engine needs ioredis 6, which can't be loaded: ${why}`;
  return new QueueError("ENGINE_MISCONFIGURED", problem, { cause });
}
