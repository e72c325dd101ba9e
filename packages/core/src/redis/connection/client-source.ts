import { QueueError } from "../../errors/queue-error.ts";
import { sentence } from "../../errors/sentence.ts";
import { messageOf } from "../../errors/thrown.ts";
import type { RedisClient, ResolvedRedisOptions } from "../redis-options.ts";
import { codeOf } from "./connection-errors.ts";
import { describeAddress, type RedisAddress } from "./redis-url.ts";

type Arguments = readonly (string | number)[];

/** What we use of ioredis' `Redis`. It flattens an array among the arguments. */
export interface Client {
  connect(): Promise<void>;
  disconnect(): void;
  /** The socket. `secureConnecting` while a TLS handshake is under way. */
  readonly stream?: { readonly connecting: boolean; readonly secureConnecting?: boolean } | undefined;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  evalsha(sha: string, keys: 2, prefix: string, channels: string, args: Arguments): Promise<unknown>;
  eval(text: string, keys: 2, prefix: string, channels: string, args: Arguments): Promise<unknown>;
  info(): Promise<string>;
  del(key: string): Promise<number>;
  publish(channel: string, message: string): Promise<number>;
  ping(): Promise<string>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
}

interface ClientOptions extends RedisAddress {
  readonly sentinels?: readonly unknown[] | null;
  readonly name?: string | null;
  readonly sentinelCommandTimeout?: number;
}

/** Where the clients come from: each serves for one socket. */
export class ClientSource {
  /** For messages. */
  readonly address: string;
  /** How long one try may take: Sentinels share the time, so that a dead one can't use it up. */
  readonly patience: number;
  /** Whether Sentinels say which server it is: where one refuses, the next try may lead elsewhere. */
  readonly hasSentinels: boolean;
  /** Whether connections begin with TLS; `undefined` where Sentinels are in between. */
  readonly tls: boolean | undefined;
  /** The number of the database. */
  readonly database: number;
  readonly #sentinels: readonly unknown[];
  readonly #create: (options: object) => Promise<Client>;

  constructor({ server, connectTimeout }: Pick<ResolvedRedisOptions, "server" | "connectTimeout">) {
    const known: ClientOptions = "client" in server ? server.client.options : server.address;
    this.#sentinels = known.sentinels ?? [];
    this.hasSentinels = this.#sentinels.length > 0;
    this.tls = this.hasSentinels ? undefined : Boolean(known.tls);
    this.database = known.db ?? 0;
    this.address = this.hasSentinels ? `Sentinel's "${known.name}"` : describeAddress(known);
    this.patience = Math.max(100, Math.ceil(connectTimeout / (this.#sentinels.length || 1)));
    const ours = {
      ...LIVES_ONCE,
      connectTimeout: this.patience,
      ...(this.hasSentinels && { sentinelCommandTimeout: known.sentinelCommandTimeout ?? this.patience }),
    };
    this.#create =
      "client" in server
        ? async (options) => copy(server.client, { ...ours, ...options })
        : (options) => create({ ...server.address, ...ours, ...options });
  }

  /** A client that isn't connected yet. After each failure it begins at the next Sentinel. */
  make(failures: number): Promise<Client> {
    if (!this.hasSentinels) return this.#create({});
    const first = failures % this.#sentinels.length;
    return this.#create({ sentinels: [...this.#sentinels.slice(first), ...this.#sentinels.slice(0, first)] });
  }
}

/**
 * A client serves for one socket, and its calls end with it: whatever ioredis keeps for its next connection it
 * would run a second time, or never answer. We reconnect, with a new client.
 */
const LIVES_ONCE = {
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableOfflineQueue: false,
  lazyConnect: true,
  // The check of the server asks the same and more.
  enableReadyCheck: false,
  // A socket that isn't wanted any longer is gone at once, with the calls that wait for it.
  disconnectTimeout: 1,
  // Deadlines are the link's: these would count the time that a handler blocked the event loop.
  commandTimeout: undefined,
  socketTimeout: undefined,
  // The rest undoes what a copied client may have been set to.
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

function copy(client: RedisClient, options: object): Client {
  return (client as unknown as { duplicate(options: object): Client }).duplicate(options);
}

/** Loaded when first needed, with a `catch`: so an app that has no ioredis can be bundled. */
async function create(options: object): Promise<Client> {
  const { Redis } = await import("ioredis").catch((cause: unknown) => {
    throw notLoaded(cause);
  });
  return new Redis(options) as unknown as Client;
}

function notLoaded(cause: unknown): QueueError {
  const text = messageOf(cause);
  const isMissing = /MODULE_NOT_FOUND/.test(codeOf(cause)) && /['"]ioredis['"]/.test(text);
  const why = isMissing
    ? "run `npm install ioredis`."
    : `${sentence(text)} Where the app is bundled, mark ioredis as external in the bundler.`;
  const problem = `The redis engine needs ioredis 6, which can't be loaded: ${why}`;
  return new QueueError("ENGINE_MISCONFIGURED", problem, { cause });
}
