import { QueueError } from "@org/queue";
import { Refusal } from "../access/refusal.ts";

/** Bytes of a body that isn't bounded otherwise. */
export const DEFAULT_MAX_BODY = 1_048_576;

/**
 * The JSON of a request's body. It is counted while it comes, so that one that is too large, or never ends, isn't held.
 *
 * @throws {Refusal} `UNSUPPORTED_MEDIA_TYPE`; {QueueError} `PAYLOAD_TOO_LARGE`, `INVALID_OPTIONS`.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  // A form of another site can't send this type without asking first.
  if (type.split(";", 1)[0]!.trim().toLowerCase() !== "application/json") {
    throw new Refusal("UNSUPPORTED_MEDIA_TYPE");
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const text = await readText(request, maxBytes);
  try {
    return JSON.parse(text);
  } catch {
    throw new QueueError("INVALID_OPTIONS", "The body isn't JSON.");
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  if (!request.body) return "";
  const decoder = new TextDecoder();
  const reader = request.body.getReader();
  let text = "";
  let size = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    size += chunk.value.byteLength;
    if (size > maxBytes) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge(maxBytes);
    }
    text += decoder.decode(chunk.value, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(maxBytes: number): QueueError {
  return new QueueError(
    "PAYLOAD_TOO_LARGE",
    `The body has more than ${maxBytes.toLocaleString("en")} bytes.`,
  );
}
