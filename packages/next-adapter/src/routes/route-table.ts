import { JOB_STATES, type JobState, QueueError } from "@org/queue";
import type { Gateway } from "../gateway/gateway.ts";
import type { LiveStreams } from "../stream/live-streams.ts";
import { jsonResponse, taggedResponse } from "./json-response.ts";

/** A request on its way to its route. */
export interface RouteCall {
  readonly request: Request;
  readonly url: URL;
  /** Values of the segments that the path names with a colon. */
  readonly params: Readonly<Record<string, string>>;
  readonly gateway: Gateway;
  readonly live: LiveStreams;
  /** Reads the body as JSON. */
  body(): Promise<unknown>;
}

/** One route. The table is all there is: the documentation and the test of refusals are made of it. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  handle(call: RouteCall): Promise<Response>;
}

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "jobs/:id",
    summary: "One job.",
    async handle({ request, params, gateway }) {
      const [job] = await gateway.jobs.read([params.id!], request);
      if (!job) throw new QueueError("JOB_NOT_FOUND", "The job isn't stored, or isn't the client's.");
      return taggedResponse(request, { job });
    },
  },
  {
    method: "GET",
    path: "jobs",
    summary: "Jobs by `ids`, or the newest by `userId`, `orderingKey`, `message` and `state`.",
    async handle({ request, url, gateway }) {
      const ids = readList(url, "ids");
      if (ids) return taggedResponse(request, { jobs: await gateway.jobs.read(ids, request) });
      const states = readList(url, "state")?.map(toState);
      const filter = {
        ...readTexts(url, ["userId", "orderingKey", "message"]),
        ...(states && { states }),
      };
      return taggedResponse(request, await gateway.jobs.list(filter, readPage(url), request));
    },
  },
  {
    method: "POST",
    path: "jobs",
    summary: "Sends one job, or with `{ jobs: [...] }` several, each by itself.",
    async handle({ request, gateway, body }) {
      const input = await body();
      const { jobs } = Object(input) as { readonly jobs?: unknown };
      if (!Array.isArray(jobs))
        return jsonResponse(await gateway.sends.send(input, request), { status: 201 });
      const outcomes = await gateway.sends.sendEach(jobs, request);
      const results = outcomes.map((outcome) =>
        "sent" in outcome ? outcome.sent : { error: gateway.report(outcome.error, "A send").error },
      );
      return jsonResponse({ results }, { status: 207 });
    },
  },
  {
    method: "POST",
    path: "jobs/:id/cancel",
    summary: "Cancels a job.",
    async handle({ request, params, gateway }) {
      return jsonResponse({ state: await gateway.jobs.cancel(params.id!, request) });
    },
  },
  {
    method: "POST",
    path: "jobs/:id/retry",
    summary: "Retries a failed or cancelled job.",
    async handle({ request, params, gateway }) {
      await gateway.jobs.retry(params.id!, request);
      return jsonResponse({ state: "queued" });
    },
  },
  {
    method: "GET",
    path: "statuses/:table/row",
    summary: "The status of the subject whose key the parameters are.",
    async handle({ request, url, params, gateway }) {
      const key = Object.fromEntries(url.searchParams);
      return taggedResponse(request, { row: await gateway.statuses.read(params.table!, key, request) });
    },
  },
  {
    method: "GET",
    path: "statuses/:table",
    summary: "Statuses by values of declared columns, the latest changed first.",
    async handle({ request, url, params, gateway }) {
      const page = readPage(url);
      const names = [...new Set(url.searchParams.keys())].filter(
        (name) => name !== "limit" && name !== "cursor",
      );
      const where = Object.fromEntries(names.map((name) => [name, url.searchParams.getAll(name)]));
      return taggedResponse(request, await gateway.statuses.list(params.table!, where, page, request));
    },
  },
  {
    method: "GET",
    path: "stats",
    summary: "Jobs by queue and state, and what happened in the last five minutes.",
    async handle({ request, gateway }) {
      return taggedResponse(request, await gateway.reports.stats(request));
    },
  },
  {
    method: "GET",
    path: "health",
    summary: "Whether all is well, and what to do if not.",
    async handle({ request, gateway }) {
      return jsonResponse(await gateway.reports.health(request));
    },
  },
  {
    method: "POST",
    path: "read",
    summary: "What differs, of what a client follows, from what it has.",
    handle: async ({ request, live, body }) => live.read(request, await body()),
  },
  {
    method: "POST",
    path: "stream",
    summary: "The same as server-sent events, and all that changes from then on.",
    handle: async ({ request, live, body }) => live.stream(request, await body()),
  },
];

function readList(url: URL, name: string): readonly string[] | undefined {
  if (!url.searchParams.has(name)) return undefined;
  return url.searchParams.getAll(name).flatMap((text) => text.split(",").filter(Boolean));
}

function readTexts<Name extends string>(url: URL, names: readonly Name[]): { readonly [N in Name]?: string } {
  const entries = names.map((name) => [name, url.searchParams.get(name)] as const);
  return Object.fromEntries(entries.filter(([, text]) => text !== null)) as { readonly [N in Name]?: string };
}

function readPage(url: URL): { readonly limit?: number; readonly cursor?: string } {
  const limit = url.searchParams.get("limit");
  if (limit !== null && !(/^\d+$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 100)) {
    throw new QueueError("INVALID_OPTIONS", "limit must be a whole number from 1 to 100.");
  }
  return { ...(limit !== null && { limit: Number(limit) }), ...readTexts(url, ["cursor"]) };
}

function toState(text: string): JobState {
  const state = JOB_STATES.find((known) => known === text);
  if (state === undefined)
    throw new QueueError("INVALID_OPTIONS", `state must be of ${JOB_STATES.join(", ")}.`);
  return state;
}
