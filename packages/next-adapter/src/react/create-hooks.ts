import type { Message, Registry } from "@org/queue";
import type { PublicJob } from "../protocol/public-job.ts";
import { type JobLive, type JobOptions, type JobsLive, type JobsQuery, useJob, useJobs } from "./jobs.ts";
import type { LiveOptions } from "./use-live.ts";
import { type UseSend, type UseSendOptions, useSend } from "./use-send.ts";

type MessageOf<R> = R extends Registry<infer M> ? M : Message;

/** The hooks, typed by a registry. */
export interface TypedHooks<M extends Message> {
  useJob<Name extends M["name"] = M["name"]>(
    id: string | null | undefined,
    options?: JobOptions<PublicJob<Extract<M, { readonly name: Name }>>>,
  ): JobLive<Extract<M, { readonly name: Name }>>;
  useJobs(query: JobsQuery | null, options?: LiveOptions<readonly PublicJob<M>[]>): JobsLive<M>;
  useSend<Name extends M["name"]>(
    messageType: Name,
    options?: UseSendOptions,
  ): UseSend<Extract<M, { readonly name: Name }>>;
}

/**
 * The hooks with the types of a registry, of which only the type is imported: no contract gets into the bundle.
 *
 * @example
 * import type { registry } from "@/messages";
 * export const { useJob, useJobs, useSend } = createHooks<typeof registry>();
 */
export function createHooks<R extends Registry>(): TypedHooks<MessageOf<R>> {
  return { useJob, useJobs, useSend } as unknown as TypedHooks<MessageOf<R>>;
}
