import type { Finding } from "../../engine/finding.ts";
import type { QueueError } from "../../errors/queue-error.ts";
import type { ResolvedRedisOptions } from "../redis-options.ts";
import { ClientSource } from "./client-source.ts";
import type { RedisConnection } from "./connection.ts";
import { fromGreeting, fromReply, replyCode } from "./connection-errors.ts";
import { diagnose } from "./diagnosis.ts";
import { assertLayout, LAYOUT } from "./layout.ts";
import { ReconnectingSession, type SessionSettings } from "./reconnecting-session.ts";
import type { RedisSession } from "./redis-session.ts";
import type { Script } from "./script.ts";
import { checkServer } from "./server-check.ts";
import { Subscriptions } from "./subscriptions.ts";

interface ConnectionSettings extends SessionSettings, Pick<ResolvedRedisOptions, "server"> {
  /** Milliseconds between checks of the connection for messages. @default 30_000 */
  readonly checkInterval?: number;
}

/** Two connections through ioredis, one for scripts and one for messages. Each opens with its first call. */
export class IoredisConnection implements RedisConnection {
  readonly #prefix: string;
  readonly #channels: string;
  readonly #source: ClientSource;
  readonly #allowEviction: boolean;
  readonly #scripts: ReconnectingSession;
  readonly #subscriptions: Subscriptions;
  /** Why the user may not publish. Then no subscriber receives events of this connection's calls. */
  #publishProblem: QueueError | undefined;

  constructor(settings: ConnectionSettings, prefix: string) {
    this.#prefix = prefix;
    this.#source = new ClientSource(settings);
    this.#channels = `${prefix}${this.#source.database}:`;
    this.#allowEviction = settings.allowEviction;
    this.#scripts = new ReconnectingSession(this.#source, settings, {
      prepare: (session) => this.#check(session),
      // The next session may lead to another server, and messages must come from the same one.
      onLost: () => this.#subscriptions.replaceSession(),
    });
    this.#subscriptions = new Subscriptions(this.#source, settings, (session) =>
      this.#prepareSubscriptions(session),
    );
  }

  get problem(): QueueError | undefined {
    return this.#scripts.problem ?? this.#publishProblem ?? this.#subscriptions.problem;
  }

  run(script: Script, args: readonly (string | number)[]): Promise<unknown> {
    const session = this.#scripts.current;
    return session === undefined
      ? this.#scripts.ready().then((opened) => this.#runOn(opened, script, args))
      : this.#runOn(session, script, args);
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
    const session = await this.#scripts.ready();
    const start = performance.now();
    await session.send<unknown>(session.client.del(this.#absentKey), (reply) => {
      if (replyCode(reply) !== "NOPERM") return this.#refuse(session, "DEL", reply);
      return session.send(session.client.ping(), (refusal) => this.#refuse(session, "PING", refusal));
    });
    const latency = performance.now() - start;
    if (this.#publishProblem !== undefined) await this.#checkPublishing(session);
    await this.#subscriptions.recheck();
    return latency;
  }

  diagnose(): Promise<readonly Finding[]> {
    return diagnose(this.#source, {
      prefix: this.#prefix,
      channels: this.#channels,
      allowEviction: this.#allowEviction,
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#scripts.close(), this.#subscriptions.close()]);
  }

  #runOn(session: RedisSession, script: Script, args: readonly (string | number)[]): Promise<unknown> {
    return session.send(
      session.client.evalsha(script.sha, 2, this.#prefix, this.#channels, args),
      (reply) => {
        if (replyCode(reply) !== "NOSCRIPT") return this.#refuse(session, script.name, reply);
        // The server doesn't have the script, so it can't have run it.
        return session.send(
          session.client.eval(script.text, 2, this.#prefix, this.#channels, args),
          (refusal) => this.#refuse(session, script.name, refusal),
        );
      },
    );
  }

  #refuse(session: RedisSession, name: string, reply: Error): never {
    const error = fromReply(reply, this.#source.address, this.#source.user);
    if (error === undefined)
      throw new Error(`The script "${name}" failed: ${reply.message}`, { cause: reply });
    // The server has become a replica. The next session looks for the primary.
    if (replyCode(reply) === "READONLY") void session.end(() => error);
    throw error;
  }

  /** A key that never exists: deleting it changes nothing, and fails on a replica. */
  get #absentKey(): string {
    return `${this.#prefix}nothing`;
  }

  async #check(session: RedisSession): Promise<void> {
    const otherChecks = Promise.all([
      this.#assertPrimary(session),
      this.#checkLayout(session),
      this.#checkPublishing(session),
    ]);
    // Awaited last: the errors of `checkServer` are clearer.
    otherChecks.catch(() => {});
    const info = await session.send(session.client.info(), (reply) => {
      // The user may not call `INFO`, or a managed service has disabled it.
      if (replyCode(reply) === "NOPERM" || reply.message.startsWith("ERR unknown command")) return "";
      throw fromGreeting(reply, this.#source.address, this.#source.user);
    });
    checkServer(info, { address: this.#source.address, allowEviction: this.#allowEviction });
    await otherChecks;
  }

  /**
   * The session for messages always opens after the one for scripts, so both lead to one server: when the primary
   * changes, the session for scripts is refused and replaced, and this one after it.
   */
  async #prepareSubscriptions(session: RedisSession): Promise<void> {
    await this.#scripts.whenOpen();
    await this.#assertPrimary(session);
  }

  /** Without the role in `INFO`, a replica shows by refusing a write. */
  async #assertPrimary(session: RedisSession): Promise<void> {
    await session.send(session.client.del(this.#absentKey), (reply) => {
      if (replyCode(reply) === "READONLY") throw fromGreeting(reply, this.#source.address, this.#source.user);
      return 0;
    });
  }

  /** Notes the layout in a new namespace. A server that is full or a replica can't, which other checks report. */
  async #checkLayout(session: RedisSession): Promise<void> {
    const key = `${this.#prefix}layout`;
    const read = () =>
      session.send(session.client.get(key), (reply) => {
        // Another program has put something else there: maintenance moves it aside.
        if (replyCode(reply) === "WRONGTYPE") return String(LAYOUT);
        throw fromGreeting(reply, this.#source.address, this.#source.user);
      });
    let found = await read();
    if (found === null) {
      await session.send(session.client.set(key, LAYOUT, "NX"), () => null);
      found = await read();
    }
    if (found !== null) assertLayout(found, { prefix: this.#prefix, address: this.#source.address });
  }

  async #checkPublishing(session: RedisSession): Promise<void> {
    this.#publishProblem = undefined;
    await session.send(session.client.publish(`${this.#channels}nothing`, ""), (reply) => {
      if (replyCode(reply) === "NOPERM")
        this.#publishProblem = fromGreeting(reply, this.#source.address, this.#source.user);
      return 0;
    });
  }
}
