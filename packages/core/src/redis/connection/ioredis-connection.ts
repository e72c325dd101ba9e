import type { QueueError } from "../../errors/queue-error.ts";
import type { ResolvedRedisOptions } from "../redis-options.ts";
import { ClientSource } from "./client-source.ts";
import type { RedisConnection } from "./connection.ts";
import { fromGreeting, fromReply, replyCode } from "./connection-errors.ts";
import { type LinkSettings, ReconnectingSession } from "./reconnecting-session.ts";
import type { RedisSession } from "./redis-session.ts";
import type { Script } from "./script.ts";
import { checkServer } from "./server-check.ts";
import { Subscriptions } from "./subscriptions.ts";

interface ConnectionSettings extends LinkSettings, Pick<ResolvedRedisOptions, "server"> {
  /** How often the listening connection is checked, in milliseconds. @default 30_000 */
  readonly checkEvery?: number;
}

/** Two connections through ioredis, for scripts and for listening. Each is opened when first needed. */
export class IoredisConnection implements RedisConnection {
  readonly #prefix: string;
  readonly #channels: string;
  readonly #source: ClientSource;
  readonly #allowEviction: boolean;
  readonly #scripts: ReconnectingSession;
  readonly #subscriptions: Subscriptions;
  /** Why the user may not publish, if so: then nobody hears of what happens through this connection. */
  #muteness: QueueError | undefined;

  constructor(settings: ConnectionSettings, prefix: string) {
    this.#prefix = prefix;
    this.#source = new ClientSource(settings);
    this.#channels = `${prefix}${this.#source.database}:`;
    this.#allowEviction = settings.allowEviction;
    this.#scripts = new ReconnectingSession(this.#source, settings, {
      prepare: (link) => this.#check(link),
      // The next one may lead to another server: messages are to come from the same.
      onLost: () => this.#subscriptions.renew(),
    });
    this.#subscriptions = new Subscriptions(this.#source, settings, (link) => this.#prepareListening(link));
  }

  get problem(): QueueError | undefined {
    return this.#scripts.problem ?? this.#muteness ?? this.#subscriptions.problem;
  }

  run(script: Script, args: readonly (string | number)[]): Promise<unknown> {
    const link = this.#scripts.current;
    return link === undefined
      ? this.#scripts.ready().then((opened) => this.#runOn(opened, script, args))
      : this.#runOn(link, script, args);
  }

  async listen(
    channel: string,
    onMessage: (message: string) => void,
    onGap?: () => void,
  ): Promise<() => Promise<void>> {
    await this.#scripts.ready();
    return this.#subscriptions.listen(`${this.#channels}${channel}`, onMessage, onGap);
  }

  delivered(): Promise<void> {
    return this.#subscriptions.delivered();
  }

  async ping(): Promise<number> {
    const link = await this.#scripts.ready();
    const start = performance.now();
    await link.send(link.client.del(this.#nothing), (reply) => this.#refuse(link, "DEL", reply));
    const latency = performance.now() - start;
    if (this.#muteness !== undefined) await this.#checkPublishing(link);
    await this.#subscriptions.recheck();
    return latency;
  }

  async close(): Promise<void> {
    await Promise.all([this.#scripts.close(), this.#subscriptions.close()]);
  }

  #runOn(link: RedisSession, script: Script, args: readonly (string | number)[]): Promise<unknown> {
    return link.send(link.client.evalsha(script.sha, 2, this.#prefix, this.#channels, args), (reply) => {
      if (replyCode(reply) !== "NOSCRIPT") return this.#refuse(link, script.name, reply);
      // The server forgot the script, or never had it, and so can't have run it.
      return link.send(link.client.eval(script.text, 2, this.#prefix, this.#channels, args), (refusal) =>
        this.#refuse(link, script.name, refusal),
      );
    });
  }

  #refuse(link: RedisSession, name: string, reply: Error): never {
    const error = fromReply(reply, this.#source.address);
    if (error === undefined)
      throw new Error(`The script "${name}" failed: ${reply.message}`, { cause: reply });
    // This server has become a replica: the primary is to be found anew.
    if (replyCode(reply) === "READONLY") void link.end(() => error);
    throw error;
  }

  /** A key that never exists. Deleting it shows that the server is a primary, and changes nothing. */
  get #nothing(): string {
    return `${this.#prefix}nothing`;
  }

  async #check(link: RedisSession): Promise<void> {
    const rest = Promise.all([this.#assertPrimary(link), this.#checkPublishing(link)]);
    // What `INFO` says is said more plainly.
    rest.catch(() => {});
    const info = await link.send(link.client.info(), (reply) => {
      // A user without the right to ask, or a service that keeps it to itself.
      if (replyCode(reply) === "NOPERM" || reply.message.startsWith("ERR unknown command")) return "";
      throw fromGreeting(reply, this.#source.address);
    });
    checkServer(info, { address: this.#source.address, allowEviction: this.#allowEviction });
    await rest;
  }

  /**
   * The connection for listening is always opened after that for scripts. So what scripts publish arrives: when the
   * primary changes, the one for scripts is refused and opened anew, and this one after it.
   */
  async #prepareListening(link: RedisSession): Promise<void> {
    await this.#scripts.opened();
    await this.#assertPrimary(link);
  }

  /** Where `INFO` keeps the role to itself, a replica shows by what it refuses. */
  async #assertPrimary(link: RedisSession): Promise<void> {
    await link.send(link.client.del(this.#nothing), (reply) => {
      if (replyCode(reply) === "READONLY") throw fromGreeting(reply, this.#source.address);
      return 0;
    });
  }

  async #checkPublishing(link: RedisSession): Promise<void> {
    this.#muteness = undefined;
    await link.send(link.client.publish(`${this.#channels}nothing`, ""), (reply) => {
      if (replyCode(reply) === "NOPERM") this.#muteness = fromGreeting(reply, this.#source.address);
      return 0;
    });
  }
}
