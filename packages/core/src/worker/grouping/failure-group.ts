import type { WireEnvelope } from "../../contract/envelope.ts";
import type { Message } from "../../contract/message.ts";
import type { FailureGroupKey } from "../../engine/failure-groups.ts";
import type { ErrorCode } from "../../errors/codes.ts";
import { hashText } from "../../errors/hash-text.ts";
import { shorten } from "../../errors/shorten.ts";
import type { ThrownText } from "../../errors/thrown.ts";
import { appFrame } from "./app-frame.ts";
import { maskSensitive, replaceIds } from "./job-values.ts";
import { normalizeText } from "./normalized-text.ts";

const MAX_TITLE = 200;
/** Characters of an error's text in which sensitive values are looked for. */
const MAX_MASKED = 4_000;

/**
 * The group of a failed attempt: by its message, code, text without values, and the app's code that failed. Without
 * the message, whose contract tells what is sensitive, the group has no text.
 */
export function failureGroupOf(
  code: ErrorCode,
  thrown: ThrownText,
  { messageType, version, data }: WireEnvelope,
  message: Message | undefined,
): FailureGroupKey {
  const text = textOf(code, thrown).slice(0, MAX_MASKED);
  const title = message ? titleOf(maskSensitive(text, message, version, data), data, thrown) || code : code;
  const frame = appFrame(thrown.stack, thrown.message, workingDirectory());
  // Two groups of a thousand have the same once in 10^13 cases.
  const fingerprint = hashText([messageType, code, title, frame ?? ""].join("\n"));
  return { fingerprint, code, title, ...(frame !== undefined && { frame }) };
}

/** Of an error that has no visible text: its class. */
function titleOf(text: string, json: string, { name }: ThrownText): string {
  return shorten(normalizeText(replaceIds(text, json)) || normalizeText(name), MAX_TITLE);
}

/** With the class of an error that isn't this library's, whose code tells more. */
function textOf(code: ErrorCode, { name, message, errors }: ThrownText): string {
  if (code !== "HANDLER_FAILED" || name === "Error") return message;
  // An `AggregateError` rarely has a message of its own.
  const text = message === name ? errors[0]?.message : message;
  return text === undefined ? name : `${name}: ${text}`;
}

function workingDirectory(): string {
  try {
    return globalThis.process?.cwd?.() ?? "/";
  } catch {
    // The folder is gone.
    return "/";
  }
}
