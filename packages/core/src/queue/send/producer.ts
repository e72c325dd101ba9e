import type { Message } from "../../contract/message.ts";
import { parseOptions } from "../../contract/options.ts";
import { parseWireData, readWireData } from "../../contract/payload.ts";
import type { MiddlewareChain } from "../../middleware/middleware.ts";
import { fulfillsWithin } from "../../timing/with-timeout.ts";
import { knownMessage, messageNamed } from "../known-message.ts";
import type { QueueContext } from "../queue-context.ts";
import type { WaitOptions } from "../read/job-waits.ts";
import { assertValidChange } from "./changed-request.ts";
import { JobEncoder } from "./encode-job.ts";
import { EnqueueBatcher } from "./enqueue-batcher.ts";
import type { JobHandle } from "./job-handle.ts";
import { createIdSource } from "./job-id.ts";
import type { Outbox } from "./outbox.ts";
import { encodeBatch, resolveBatch, type SendItem } from "./send-many.ts";
import {
  type ParseWireOptions,
  parseSendOptions,
  parseWireSchema,
  type SendManyCallOptions,
  type SendOptions,
  type SendWireOptions,
  sendManyCallSchema,
  sendWireSchema,
} from "./send-options.ts";
import { type SendRequest, toSendRequest } from "./send-request.ts";
import { Sender } from "./sender.ts";
import { TransactionalSender } from "./transactional-sender.ts";

/** Longest that a wait lets a job's transaction commit, and the relay move it: some poll intervals. */
const OUTBOX_TIMEOUT = 60_000;

interface ProducerParts {
  readonly context: QueueContext;
  readonly middleware: MiddlewareChain;
  readonly outbox: Outbox | undefined;
  /** `arrivalTimeout`: milliseconds that a job which isn't stored yet is given. */
  readonly wait: (id: string, options: WaitOptions | undefined, arrivalTimeout: number) => Promise<unknown>;
}

/** Validates, encodes and stores what an app sends. */
export class Producer {
  readonly #context: QueueContext;
  readonly #middleware: MiddlewareChain;
  readonly #newId: () => string;
  readonly #encoder: JobEncoder;
  readonly #batcher: EnqueueBatcher;
  readonly #sender: Sender;

  constructor({ context, middleware, outbox, wait }: ProducerParts) {
    this.#context = context;
    this.#middleware = middleware;
    this.#newId = createIdSource(() => context.clock.now());
    this.#encoder = new JobEncoder(context.engine);
    this.#batcher = new EnqueueBatcher(context.engine);
    this.#sender = new Sender(
      this.#encoder,
      this.#batcher,
      new TransactionalSender(outbox, (id, options) => wait(id, options, OUTBOX_TIMEOUT)),
      (id, options) => wait(id, options, 0),
    );
  }

  send(message: Message, data: unknown, options: SendOptions | undefined): Promise<JobHandle> {
    try {
      this.#context.assertOpen();
      const request = toSendRequest(
        knownMessage("send", this.#context.registry, message),
        data,
        parseSendOptions(options),
        this.#newId,
        this.#context.clock.now(),
      );
      if (!this.#middleware.hasSend) return this.#sender.send(request);
      const sent = this.#middleware.send([request], async ([last]) => {
        assertValidChange(request, last!);
        return [await this.#sender.send(last!)];
      });
      return sent.then(([handle]) => handle!);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async sendMany(
    items: readonly SendItem[],
    options: SendManyCallOptions = {},
  ): Promise<readonly JobHandle[]> {
    this.#context.assertOpen();
    const { tx } = parseOptions("sendMany", sendManyCallSchema, options);
    const { requests, naming } = await resolveBatch(items, {
      resolve: (message) => knownMessage("sendMany", this.#context.registry, message),
      newId: this.#newId,
      encoder: this.#encoder,
      sentAt: this.#context.clock.now(),
      tx,
    });
    if (requests.length === 0) return [];
    const store = async (final: readonly SendRequest[]) =>
      this.#sender.store(final, await encodeBatch(final, requests, this.#encoder), naming);
    return this.#middleware.hasSend ? this.#middleware.send(requests, store) : store(requests);
  }

  async sendWire(name: string, data: unknown, options: SendWireOptions = {}): Promise<JobHandle> {
    this.#context.assertOpen();
    const message = messageNamed("sendWire", this.#context.registry, name);
    const { version = message.version, ...ofSend } = parseOptions("sendWire", sendWireSchema, options);
    return this.send(message, await readWireData(message, version, data), ofSend);
  }

  async parseWire(name: string, data: unknown, options: ParseWireOptions = {}): Promise<unknown> {
    const message = messageNamed("parseWire", this.#context.registry, name);
    const { version = message.version } = parseOptions("parseWire", parseWireSchema, options);
    return parseWireData(message, version, data);
  }

  /** Waits for the engine's answers to the last sends. Those that don't come within `timeout` milliseconds reject. */
  async close(timeout: number): Promise<void> {
    if (!(await fulfillsWithin(this.#batcher.drain(), timeout, this.#context.clock))) this.#batcher.giveUp();
  }
}
