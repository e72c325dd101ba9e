import { fitsBytes } from "../../contract/limits.ts";
import type { ErrorCode } from "../../errors/codes.ts";
import { shorten } from "../../errors/shorten.ts";
import type { ThrownText } from "../../errors/thrown.ts";

/**
 * The JSON text of an error as a job stores it, in at most `cap` bytes: what is too long is shortened, the stack first.
 * The text is well-formed Unicode, which engines can parse.
 */
export function toStoredError(
  code: ErrorCode,
  { name, message, stack, errors, issues }: ThrownText,
  cap: number,
): string {
  // The first try keeps whatever fits; each further one allows half as many characters, the second for the stack only.
  for (let room = cap; room >= 1; room = Math.floor(room / 2)) {
    const count = room >= Math.floor(cap / 2) ? Number.POSITIVE_INFINITY : room > 1_000 ? 5 : 0;
    const keptErrors = errors.slice(0, count);
    const keptIssues = issues.slice(0, count);
    const json = JSON.stringify({
      code,
      message: shorten(message, Math.ceil(room / 4)),
      name: shorten(name, 100),
      ...(stack && room > 200 && { stack: shorten(stack, room) }),
      ...(keptErrors.length > 0 && {
        errors: keptErrors.map(({ name, message }) => ({
          name: shorten(name, 100),
          message: shorten(message, 200),
        })),
      }),
      ...(keptIssues.length > 0 && {
        issues: keptIssues.map(({ path, message }) => ({
          path: shorten(path, 200),
          message: shorten(message, 200),
        })),
      }),
    });
    if (fitsBytes(json, cap)) return json;
  }
  return JSON.stringify({ code, message: "" });
}
