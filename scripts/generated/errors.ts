import { ERROR_CODES, type ErrorCodeEntry } from "../../packages/core/src/errors/codes.ts";
import { table } from "./markdown.ts";
import type { Page } from "./page.ts";

export const errorsPage: Page = {
  path: "docs/errors.md",
  source: "packages/core/src/errors/codes.ts",
  render() {
    const codes = Object.entries<ErrorCodeEntry>(ERROR_CODES);
    return `# Errors

Every error of the library is a \`QueueError\` with a stable \`code\`. Branch on the code, never on the message:
codes are added and never renamed. \`retryable\` says whether a repeat may succeed.

${table(
  ["code", "retryable", "means", "what to do"],
  codes.map(([code, { retryable, means, remedy }]) => [
    `\`${code}\``,
    retryable ? "yes" : "no",
    means,
    remedy,
  ]),
)}

## What clients see

\`publicError(error)\` returns what a client may see of any thrown value: \`{ code, message, status }\`. The message is
the sentence below, never the error's own. For \`INVALID_DATA\` the error's \`issues\` are included. Internal errors, and
errors of other origin, become \`INTERNAL_ERROR\` with one neutral sentence, and keep their status. Use an internal code's
sentence to describe a failed job to its user.

${table(
  ["code", "exposure", "status", "message for clients"],
  codes.map(([code, { exposure, status, publicMessage }]) => [
    `\`${code}\``,
    exposure,
    String(status),
    publicMessage,
  ]),
)}
`;
  },
};
