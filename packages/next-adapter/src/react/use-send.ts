import type { Message, SendData } from "@org/queue";
import { useCallback, useEffect, useRef, useState } from "react";
import { toRequestError } from "../client/transport.ts";
import type { WireError } from "../protocol/refusals.ts";
import type { SendInput, SentJob } from "../protocol/send-input.ts";
import { useLiveClient } from "./provider.ts";

/** What a send from a browser may say beside the data. The server bounds it. */
export type SendHookOptions = Pick<
  SendInput,
  "id" | "delay" | "attempts" | "priority" | "dependsOn" | "metadata"
>;

export interface UseSendOptions {
  /** Called with each job that was stored. */
  readonly onSent?: ((sent: SentJob) => void) | undefined;
  /** Called when a send was refused, or didn't reach the server. */
  readonly onError?: ((error: WireError) => void) | undefined;
}

export interface UseSend<M extends Message> {
  /** Sends. What comes of it is in `jobId` and `error`. Answers the job's id, which is known at once. */
  readonly send: (data: SendData<M>, options?: SendHookOptions) => string;
  /** Resolves once the server has stored the job. @throws {RequestError} */
  readonly sendAsync: (data: SendData<M>, options?: SendHookOptions) => Promise<SentJob>;
  /** Whether a send is under way. */
  readonly isPending: boolean;
  /** Of the latest send: shown at once, taken back if it was refused. */
  readonly jobId: string | undefined;
  /** Of the latest send. */
  readonly error: WireError | undefined;
  /** Forgets the latest send. */
  readonly reset: () => void;
}

interface State {
  readonly pending: number;
  readonly jobId: string | undefined;
  readonly error: WireError | undefined;
}

const INITIAL: State = { pending: 0, jobId: undefined, error: undefined };

/**
 * Sends one message. What is sent in one tick, by any components, travels in one call. The job shows at once in `useJob`
 * and in the user's own `useJobs`, and is taken back if the server refuses it.
 *
 * @example
 * const { send, isPending, error } = useSend("WORKOUT_PLAN_CREATE");
 * <button disabled={isPending} onClick={() => send({ planId, name })}>Save</button>
 */
export function useSend<M extends Message = Message>(
  messageType: M["name"],
  { onSent, onError }: UseSendOptions = {},
): UseSend<M> {
  const client = useLiveClient();
  const [state, setState] = useState(INITIAL);
  const callbacks = useRef({ onSent, onError });
  useEffect(() => {
    callbacks.current = { onSent, onError };
  });

  const sendAsync = useCallback(
    async (data: SendData<M>, { id = crypto.randomUUID(), ...options }: SendHookOptions = {}) => {
      setState(({ pending }) => ({ pending: pending + 1, jobId: id, error: undefined }));
      const update = (change: Partial<State>) =>
        setState((now) => ({
          ...now,
          pending: Math.max(0, now.pending - 1),
          ...(now.jobId === id && change),
        }));
      try {
        const sent = await client.sends.send({ messageType, data, id, ...options });
        update({});
        callbacks.current.onSent?.(sent);
        return sent;
      } catch (thrown) {
        const { error } = toRequestError(thrown);
        update({ error, jobId: undefined });
        callbacks.current.onError?.(error);
        throw thrown;
      }
    },
    [client, messageType],
  );
  const send = useCallback(
    (data: SendData<M>, { id = crypto.randomUUID(), ...options }: SendHookOptions = {}) => {
      sendAsync(data, { id, ...options }).catch(() => undefined);
      return id;
    },
    [sendAsync],
  );
  const reset = useCallback(() => setState(({ pending }) => ({ ...INITIAL, pending })), []);
  const { pending, jobId, error } = state;
  return { send, sendAsync, isPending: pending > 0, jobId, error, reset };
}
