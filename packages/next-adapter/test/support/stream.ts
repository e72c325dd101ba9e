import { eventParser } from "../../src/client/event-parser.ts";
import {
  type Change,
  type Interest,
  PROTOCOL_VERSION,
  type StreamEvent,
} from "../../src/protocol/interests.ts";
import { request } from "./requests.ts";

type Handler = (request: Request) => Promise<Response>;

/** A client's side of a stream, in this process. */
export async function openStream(
  handler: Handler,
  interests: readonly Interest[],
  {
    user,
    known,
    knownJobs,
  }: {
    readonly user?: string;
    readonly known?: readonly (string | null)[];
    readonly knownJobs?: Readonly<Record<string, string>>;
  } = {},
) {
  const abort = new AbortController();
  const json = {
    protocol: PROTOCOL_VERSION,
    interests,
    known: known ?? interests.map(() => null),
    ...(knownJobs && { knownJobs }),
  };
  const response = await handler(
    request("stream", { json, signal: abort.signal, ...(user !== undefined && { user }) }),
  );
  const events: StreamEvent[] = [];
  const waiting = new Set<() => void>();
  const feed = eventParser((event) => {
    events.push(event);
    for (const check of waiting) check();
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const ended = isStream ? pump(response, feed) : Promise.resolve();
  const changes = () => events.flatMap((one) => (one.event === "changes" ? one.data : []));
  return {
    response,
    events,
    ended,
    changes,
    /** Resolves once what has come fulfils the condition. */
    until: (isFulfilled: () => boolean) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!isFulfilled()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    /** The newest value of an interest. */
    value: (at: number) =>
      changes().findLast(
        (change): change is Extract<Change, { at: number }> => "at" in change && change.at === at,
      ),
    close: () => abort.abort(),
  };
}

async function pump(response: Response, feed: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      feed(decoder.decode(chunk.value, { stream: true }));
    }
  } catch {
    // The stream was ended from the other side.
  }
}
