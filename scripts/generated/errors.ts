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
codes are added and never renamed. \`retryable\` says whether doing the same again may succeed.

${table(
  ["code", "retryable", "means", "what to do"],
  codes.map(([code, { retryable, means, remedy }]) => [
    `\`${code}\``,
    retryable ? "yes" : "no",
    means,
    remedy,
  ]),
)}
`;
  },
};
