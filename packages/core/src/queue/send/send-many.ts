import * as z from "zod/mini";
import type { Message, SendData } from "../../contract/message.ts";
import { parseOptions } from "../../contract/options.ts";
import type { Dependency, NewJob } from "../../engine/job.ts";
import { describeWithoutText } from "../../errors/describe-value.ts";
import { type Issue, isQueueError, QueueError } from "../../errors/queue-error.ts";
import { assertValidChange } from "./changed-request.ts";
import type { JobEncoder } from "./encode-job.ts";
import {
  MAX_REF_LENGTH,
  type RefDependency,
  type SendManyOptions,
  sendManyOptionsSchema,
} from "./send-options.ts";
import { mergeDependencies, type SendRequest, toSendRequest } from "./send-request.ts";

/** Jobs that one `sendMany` may store. */
const MAX_BATCH = 10_000;
/** Dependencies that the jobs of one `sendMany` may have in all: it is stored in one step. */
const MAX_EDGES = 10_000;
/** Problems that one error spells out. */
const MAX_LISTED = 50;

/** One job of a `sendMany`. */
export type SendItem<M extends Message = Message> = M extends Message
  ? {
      /** A name for this job within the call, 1 to 128 characters, that other items may depend on. */
      readonly ref?: string | undefined;
      readonly message: M;
      readonly data: SendData<M>;
      readonly options?: SendManyOptions | undefined;
    }
  : never;

interface Problem {
  readonly index: number;
  readonly error: QueueError;
}

/** A batch whose refs are resolved to ids. */
export interface Batch {
  readonly requests: readonly SendRequest[];
  /** A ref for an id, for errors. */
  readonly naming: (id: string) => string;
}

interface BatchContext {
  readonly resolve: (message: Message) => Message;
  readonly newId: () => string;
  readonly encoder: JobEncoder;
  readonly sentAt: number;
  readonly tx: object | undefined;
}

interface Dependent {
  readonly index: number;
  readonly dependsOn: readonly (Dependency | RefDependency)[];
}

const itemSchema = z.strictObject({
  ref: z.optional(z.string().check(z.minLength(1), z.maxLength(MAX_REF_LENGTH))),
  message: z.custom<Message>((value) => typeof value === "object" && value !== null, "expected a message"),
  data: z.unknown(),
  options: z.optional(sendManyOptionsSchema),
});

/**
 * Checks all items and gives each its id and its dependencies. With any problem the data of the others is
 * validated too, so that one error tells everything.
 *
 * @throws {QueueError} `INVALID_OPTIONS`, `INVALID_DATA`, or what all problems have in common.
 */
export async function resolveBatch(items: readonly SendItem[], context: BatchContext): Promise<Batch> {
  if (!Array.isArray(items)) {
    const got = describeWithoutText(items);
    throw new QueueError("INVALID_OPTIONS", `sendMany takes an array of items, got ${got}.`);
  }
  if (items.length > MAX_BATCH) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `sendMany takes at most ${MAX_BATCH.toLocaleString("en")} items, got ${items.length.toLocaleString("en")}. ` +
        "Split them; a later call may depend on an earlier call's handles.",
    );
  }
  const { newId, sentAt, tx } = context;
  const problems: Problem[] = [];
  const idByRef = new Map<string, string>();
  const refById = new Map<string, string>();
  // By the item's index; a hole for one that is refused.
  const requests: SendRequest[] = [];
  const dependents: Dependent[] = [];

  const ofCall = tx === undefined ? {} : { tx };
  for (let index = 0; index < items.length; index++) {
    try {
      const { ref, message, data, options } = parseItem(items[index]);
      const ofItem = options === undefined ? ofCall : { ...options, ...ofCall, dependsOn: undefined };
      const request = toSendRequest(context.resolve(message), data, ofItem, newId, sentAt);
      if (ref !== undefined) {
        if (idByRef.has(ref)) throw invalid("ref", `another item has the ref "${ref}" already`);
        idByRef.set(ref, request.id);
        refById.set(request.id, ref);
      }
      if (options?.dependsOn !== undefined) dependents.push({ index, dependsOn: options.dependsOn });
      requests[index] = request;
    } catch (error) {
      collect(problems, index, error);
    }
  }

  const toEdge = (dependency: Dependency | RefDependency): Dependency => {
    if ("job" in dependency) return dependency;
    const job = idByRef.get(dependency.ref);
    if (job === undefined) throw invalid("options.dependsOn", `no item has the ref "${dependency.ref}"`);
    return { job, onFailure: dependency.onFailure };
  };
  let edges = 0;
  for (const { index, dependsOn } of dependents) {
    try {
      const merged = mergeDependencies(dependsOn.map(toEdge));
      requests[index] = { ...requests[index]!, dependsOn: merged };
      edges += merged.length;
    } catch (error) {
      collect(problems, index, error);
    }
  }
  if (problems.length > 0) {
    for (const index of Object.keys(requests).map(Number)) {
      try {
        await context.encoder.encode(requests[index]!);
      } catch (error) {
        collect(problems, index, error);
      }
    }
    throw summarize(problems, items.length);
  }
  if (edges > MAX_EDGES) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `The jobs of one sendMany may have ${MAX_EDGES.toLocaleString("en")} dependencies in all, got ${edges.toLocaleString("en")}. ` +
        "Nothing was stored. Split them; a later call may depend on an earlier call's handles.",
    );
  }
  return { requests, naming: (id) => refById.get(id) ?? id };
}

type Item = z.output<typeof itemSchema>;

const ITEM_KEYS: ReadonlySet<string> = new Set(Object.keys(itemSchema.shape));

/** Most items have no options, and there may be thousands of them: those aren't worth a schema's time. */
function parseItem(item: unknown): Item {
  return isSimple(item) ? item : parseOptions("item", itemSchema, item);
}

/** Whether the schema would accept an item as it is; when in doubt, not. */
function isSimple(item: unknown): item is Item {
  if (typeof item !== "object" || item === null || !("data" in item)) return false;
  for (const key in item) if (!ITEM_KEYS.has(key)) return false;
  const { message, ref, options } = item as Item;
  if (options !== undefined || typeof message !== "object" || message === null) return false;
  return ref === undefined || (typeof ref === "string" && ref !== "" && ref.length <= MAX_REF_LENGTH);
}

/** Encodes all, and tells of every item that can't be. `originals` are the requests as middleware got them. */
export async function encodeBatch(
  requests: readonly SendRequest[],
  originals: readonly SendRequest[],
  encoder: JobEncoder,
): Promise<readonly NewJob[]> {
  const problems: Problem[] = [];
  const jobs: NewJob[] = [];
  for (let index = 0; index < requests.length; index++) {
    try {
      assertValidChange(originals[index], requests[index]!);
      const encoded = encoder.encode(requests[index]!);
      jobs.push(encoded instanceof Promise ? await encoded : encoded);
    } catch (error) {
      collect(problems, index, error);
    }
  }
  if (problems.length > 0) throw summarize(problems, requests.length);
  return jobs;
}

function collect(problems: Problem[], index: number, error: unknown): void {
  if (!isQueueError(error)) throw error;
  problems.push({ index, error });
}

function invalid(path: string, message: string): QueueError {
  return new QueueError("INVALID_OPTIONS", message, { issues: [{ path, message }] });
}

function summarize(problems: readonly Problem[], total: number): QueueError {
  const inOrder = problems.toSorted((a, b) => a.index - b.index);
  const codes = new Set(inOrder.map(({ error }) => error.code));
  const code = codes.size === 1 ? inOrder[0]!.error.code : "INVALID_OPTIONS";
  const issues = inOrder.flatMap(toIssues);
  const listed = issues.slice(0, MAX_LISTED).map(({ path, message }) => `\n  - ${path}: ${message}`);
  const rest = issues.length - listed.length;
  const count = new Set(inOrder.map(({ index }) => index)).size;
  return new QueueError(
    code,
    `sendMany: ${count} of ${total} items can't be sent. Nothing was stored.${listed.join("")}` +
      (rest > 0 ? `\n  - and ${rest} more, in \`issues\`` : ""),
    { issues, ...(inOrder.length === 1 && { cause: inOrder[0]!.error }) },
  );
}

function toIssues({ index, error }: Problem): Issue[] {
  // Metadata and ordering keys have the same codes, and paths of their own.
  const part = error.message.startsWith("The data of ") ? "data" : "";
  const issues = error.issues.length > 0 ? error.issues : [{ path: "", message: error.message }];
  return issues.map(({ path, message }) => ({
    path: [index, part, path].filter((segment) => segment !== "").join("."),
    message,
  }));
}
