import { isQueueError, type Queue, QueueError } from "@org/queue";
import type { AccessControl, Permit } from "../access/access-control.ts";
import { Refusal } from "../access/refusal.ts";
import type { SentJob } from "../protocol/send-input.ts";
import type { ResolvedBounds } from "./gateway-options.ts";
import type { JobGateway } from "./job-gateway.ts";
import { type ReadSend, readSendInput } from "./read-send-input.ts";

interface Parts {
  readonly queue: Queue;
  readonly access: AccessControl;
  readonly jobs: JobGateway;
  readonly bounds: ResolvedBounds;
}

/** A send that its user may do, with its data as `send` takes it. */
interface PermittedSend extends ReadSend {
  readonly permit: Permit;
}

/** What became of one of several sends. */
export type SendOutcome = { readonly sent: SentJob } | { readonly error: unknown };

/** Sends that clients ask for, each authorised. */
export class SendGateway {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws {Refusal} and {QueueError} as `queue.send`. */
  async send(input: unknown, request?: Request): Promise<SentJob> {
    const [outcome] = await this.sendEach([input], request);
    if (outcome && "sent" in outcome) return outcome.sent;
    throw outcome?.error;
  }

  /**
   * Sends each by itself: one that is refused doesn't touch the others. They are stored in their order, and a later one
   * may run after an earlier one.
   *
   * @throws {QueueError} `INVALID_OPTIONS` for too many.
   */
  async sendEach(inputs: readonly unknown[], request?: Request): Promise<readonly SendOutcome[]> {
    const permitted = await this.#permitAll(inputs, request);
    return Promise.all(
      permitted.map(async (send): Promise<SendOutcome> => {
        if ("error" in send) return send;
        try {
          return { sent: await this.#store(send) };
        } catch (error) {
          return { error };
        }
      }),
    );
  }

  /**
   * Sends all or none.
   *
   * @throws {Refusal} and {QueueError} as `queue.sendMany`.
   */
  async sendAll(inputs: readonly unknown[], request?: Request): Promise<readonly SentJob[]> {
    const permitted = await this.#permitAll(inputs, request);
    const refused = permitted.find((send) => "error" in send);
    if (refused && "error" in refused) throw refused.error;
    const sends = permitted as readonly PermittedSend[];
    const isOfCall = (job: string) => sends.some(({ id }) => id === job);
    const handles = await this.#parts.queue.sendMany(
      sends.map((send) => ({
        ...(send.id !== undefined && { ref: send.id }),
        message: send.message,
        data: send.data as never,
        options: {
          ...optionsOf(send),
          dependsOn: send.dependsOn.map(({ job, onFailure }) =>
            isOfCall(job) ? { ref: job, onFailure } : { job, onFailure },
          ),
        },
      })),
    );
    return Promise.all(handles.map((handle, index) => this.#toSent(handle, sends[index]!)));
  }

  async #permitAll(
    inputs: readonly unknown[],
    request: Request | undefined,
  ): Promise<readonly (PermittedSend | { readonly error: unknown })[]> {
    const { maxJobs } = this.#parts.bounds;
    if (inputs.length > maxJobs) {
      throw new QueueError("INVALID_OPTIONS", `send: at most ${maxJobs} jobs a call, got ${inputs.length}.`);
    }
    const earlier = new Set<string>();
    return Promise.all(
      inputs.map(async (input) => {
        try {
          const send = readSendInput(input, this.#parts.queue.registry, this.#parts.bounds);
          const others = send.dependsOn.filter(({ job }) => !earlier.has(job)).map(({ job }) => job);
          if (send.id !== undefined) earlier.add(send.id);
          const data = await this.#parse(send, request);
          const permit = await this.#permit({ ...send, data }, request);
          await this.#parts.jobs.assertReadable(others, request);
          return { ...send, data, permit };
        } catch (error) {
          return { error };
        }
      }),
    );
  }

  async #parse({ message, data }: ReadSend, request: Request | undefined): Promise<unknown> {
    const { queue, access } = this.#parts;
    try {
      return await queue.parseWire(message.name, data);
    } catch (error) {
      // What the message takes is told to nobody whom `authorize` doesn't know.
      await access.permit({ action: "read-issues", message: message.name, ...(request && { request }) });
      throw error;
    }
  }

  async #permit(
    { message, data, dependsOn, userId }: ReadSend,
    request: Request | undefined,
  ): Promise<Permit> {
    const permit = await this.#parts.access.require({
      action: "send",
      message: message.name,
      data: data as never,
      dependsOn: dependsOn.map(({ job }) => job),
      ...(request && { request }),
    });
    if (userId !== undefined && userId !== permit.userId) throw new Refusal("FORBIDDEN");
    return permit;
  }

  async #store(send: PermittedSend): Promise<SentJob> {
    const { message, data, dependsOn } = send;
    const handle = await this.#parts.queue.send(message, data as never, { ...optionsOf(send), dependsOn });
    return this.#toSent(handle, send);
  }

  /** That a job of somebody else has the id is told as of a job of another message. */
  async #toSent(
    { id, created }: { readonly id: string; readonly created: boolean },
    { permit }: PermittedSend,
  ): Promise<SentJob> {
    if (!created) {
      const stored = await this.#parts.queue.get(id).catch((error: unknown) => {
        if (isQueueError(error, "UNSUPPORTED_BY_ENGINE")) return null;
        throw error;
      });
      if (stored && stored.userId !== permit.userId) {
        throw new QueueError("ID_IN_USE", "A job of another user has this id.");
      }
    }
    return { jobId: id, created };
  }
}

function optionsOf({ id, permit, delay, attempts, priority, metadata }: PermittedSend) {
  return { id, userId: permit.userId, delay, attempts, priority, metadata };
}
