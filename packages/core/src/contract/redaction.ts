import { isPlain } from "./limits.ts";
import type { Message, MessagePart } from "./message.ts";

/** Stands in the place of a masked value. */
export const REDACTED = "[redacted]";

/**
 * Masks the sensitive paths of a message's data, result or progress, as JSON or as its handler gets it. The given value
 * isn't changed. Masks more rather than less: all of it if the message is unknown or the value is `raw`, and all of a
 * member that a path leads into but has another form.
 */
export function redact(
  message: Message | undefined,
  part: MessagePart,
  value: unknown,
  { raw = false }: { readonly raw?: boolean | undefined } = {},
): unknown {
  const paths = message?.sensitive[part] ?? [""];
  if (raw && paths.length > 0) return mask(value, []);
  return paths.reduce((masked, path) => mask(masked, path === "" ? [] : path.split(".")), value);
}

function mask(value: unknown, path: readonly string[]): unknown {
  if (value === undefined || value === null) return value;
  const [segment, ...rest] = path;
  if (segment === undefined || typeof value !== "object") return REDACTED;
  if (Array.isArray(value)) return segment === "*" ? value.map((item) => mask(item, rest)) : REDACTED;
  if (!isPlain(value)) return REDACTED;
  const masked = Object.entries(value).map(([name, member]) => [
    name,
    segment === "*" || segment === name ? mask(member, rest) : member,
  ]);
  return Object.fromEntries(masked);
}
