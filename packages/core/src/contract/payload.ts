import type { ErrorCode } from "../errors/codes.ts";
import { type Issue, QueueError } from "../errors/queue-error.ts";
import { messageOf } from "../errors/thrown.ts";
import { discardPromise } from "../logging/callback-guard.ts";
import { findJsonLosses, isJsonValue, isSameValue } from "./json-fidelity.ts";
import { assertWithinLimits, fitsBytes, overCap, parseJson, tooLarge } from "./limits.ts";
import type { Message } from "./message.ts";
import { type Codec, formatIssues, type MaybePromise, type Parsed } from "./schema.ts";

/**
 * Validates an app value and encodes it as JSON text, `""` for `undefined`. `decodePayload` returns a value equal to
 * the schema's output for it.
 *
 * @throws {QueueError} `code` when the schema refuses it or JSON would change it, `PAYLOAD_TOO_LARGE` when it is
 * over `cap` bytes.
 */
export function encodePayload(
  what: string,
  codec: Codec,
  value: unknown,
  cap: number,
  code: ErrorCode,
): MaybePromise<string> {
  const { hasInstances } = assertWithinLimits(what, value, cap, code);
  const parsed = codec.encode(value);
  return parsed instanceof Promise
    ? parsed.then((settled) => write(what, codec, settled, hasInstances, cap, code))
    : write(what, codec, parsed, hasInstances, cap, code);
}

function write(
  what: string,
  codec: Codec,
  parsed: Parsed,
  hasInstances: boolean,
  cap: number,
  code: ErrorCode,
): MaybePromise<string> {
  const encoded = accept(what, parsed, code);
  if (encoded === undefined) return "";
  if (hasInstances) assertWithinLimits(what, encoded, cap, code);
  const json = toJson(what, encoded, cap, code);
  return codec.isJson || isJsonValue(encoded) ? json : assertCarried(what, codec, encoded, json, code);
}

/**
 * For values that JSON changes: the reader's schema may restore them, as `z.coerce.date()` does. Decodes both and
 * compares.
 */
function assertCarried(
  what: string,
  codec: Codec,
  value: unknown,
  json: string,
  code: ErrorCode,
): MaybePromise<string> {
  const compare = ([received, meant]: readonly Parsed[]): string => {
    if (received?.ok && meant?.ok && isSameValue(received.value, meant.value)) return json;
    // If the schema refuses the value itself as well, JSON isn't what is wrong.
    const isUnreadable = received?.ok === false && meant?.ok === false;
    throw invalid(code, what, isUnreadable ? meant.issues.map(toUnreadable) : findJsonLosses(value));
  };
  const both = [codec.decode(JSON.parse(json)), codec.decode(value)] as const;
  return both[0] instanceof Promise || both[1] instanceof Promise
    ? Promise.all(both).then(compare)
    : compare(both as readonly Parsed[]);
}

function toUnreadable({ path, message }: Issue): Issue {
  return { path, message: `the schema can't decode what it encodes: ${message}` };
}

/** The way back: checks size, parses, validates. */
export function decodePayload(
  what: string,
  codec: Codec,
  json: string,
  cap: number,
  code: ErrorCode,
): MaybePromise<unknown> {
  return decodeValue(what, codec, parseText(what, json, cap), code);
}

function parseText(what: string, json: string, cap: number): unknown {
  return json === "" ? undefined : parseJson(what, json, cap);
}

function decodeValue(what: string, codec: Codec, value: unknown, code: ErrorCode): MaybePromise<unknown> {
  const parsed = codec.decode(value);
  return parsed instanceof Promise
    ? parsed.then((settled) => accept(what, settled, code))
    : accept(what, parsed, code);
}

/** Decodes a job's data for its handler: checks the size, upcasts to the current version, validates. */
export function decodeData(message: Message, version: number, json: string): MaybePromise<unknown> {
  const what = `data of ${message.name}`;
  const sent = parseText(what, json, message.limits.data);
  const data = version === message.version ? sent : upcast(message, version, sent);
  return decodeValue(what, message.codecs.data, data, "INVALID_DATA");
}

/**
 * The data that a send takes, from data as it travels in JSON. Of a schema that can't encode, that is the JSON value
 * itself.
 *
 * @throws {QueueError} `INVALID_DATA`, `PAYLOAD_TOO_LARGE`, `UNSUPPORTED_VERSION`.
 */
export function readWireData(message: Message, version: number, value: unknown): MaybePromise<unknown> {
  const what = `data of ${message.name}`;
  assertWithinLimits(what, value, message.limits.data, "INVALID_DATA");
  const data = version === message.version ? value : upcast(message, version, value);
  const { data: codec } = message.codecs;
  return codec.isTwoWay ? decodeValue(what, codec, data, "INVALID_DATA") : data;
}

/** The same for data that isn't sent right away: of a schema that can't encode, it validates the JSON value too. */
export async function parseWireData(message: Message, version: number, value: unknown): Promise<unknown> {
  const data = await readWireData(message, version, value);
  const { data: codec } = message.codecs;
  if (!codec.isTwoWay) await decodeValue(`data of ${message.name}`, codec, data, "INVALID_DATA");
  return data;
}

function upcast(message: Message, version: number, data: unknown): unknown {
  let value = data;
  for (let from = version; from < message.version; from++) {
    const step = message.upcast[from];
    if (!step) throw unsupportedVersion(message, version, `has no upcast from version ${from}`);
    try {
      value = step(value);
    } catch (cause) {
      const problem = `The upcast of ${message.name} from version ${from} threw: ${messageOf(cause)}`;
      throw new QueueError("INVALID_DATA", problem, { cause });
    }
    if (discardPromise(value)) {
      throw new QueueError(
        "INVALID_DATA",
        `The upcast of ${message.name} from version ${from} must not be async.`,
      );
    }
  }
  if (version > message.version)
    throw unsupportedVersion(message, version, `knows version ${message.version}`);
  return value;
}

function unsupportedVersion(message: Message, version: number, problem: string): QueueError {
  return new QueueError(
    "UNSUPPORTED_VERSION",
    `${message.name} version ${version} can't be read here: this contract ${problem}.`,
  );
}

function accept(what: string, parsed: Parsed, code: ErrorCode): unknown {
  if (parsed.ok) return parsed.value;
  throw invalid(code, what, parsed.issues);
}

/** @throws {QueueError} where JSON can't carry the value, or the value is over `cap` bytes. */
export function toJson(what: string, value: unknown, cap: number, code: ErrorCode): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    const message = messageOf(cause);
    // Otherwise a `toJSON` threw, and its message says more than the list of losses.
    const losses = message.includes("BigInt") ? findJsonLosses(value) : [];
    throw invalid(code, what, losses.length > 0 ? losses : [{ path: "", message }]);
  }
  if (json === undefined) throw invalid(code, what, findJsonLosses(value));
  if (!fitsBytes(json, cap)) throw tooLarge(what, overCap(cap));
  // The earlier walk saw the value, but a `toJSON` may have returned something else.
  if (json.includes("__proto__")) assertWithinLimits(what, JSON.parse(json), cap, code);
  return json;
}

function invalid(code: ErrorCode, what: string, issues: readonly Issue[]): QueueError {
  return new QueueError(code, `The ${what} is invalid: ${formatIssues(issues)}`, { issues });
}
