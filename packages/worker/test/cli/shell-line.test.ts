import { expect, test } from "vitest";
import { shellLine } from "../../src/cli/shell-line.ts";

test.each([
  [["a b", "c"], { yes: true, json: false }, "queue cancel 'a b' c --yes"],
  [["-a", "b"], { yes: true }, "queue cancel --yes -- -a b"],
  [["a"], { reason: "-why not" }, "queue cancel a --reason='-why not'"],
  [["a"], { reason: "it's", config: undefined }, `queue cancel a --reason 'it'\\''s'`],
])("a line to copy into a shell: %j %j", (args, flags, line) => {
  expect(shellLine("cancel", args, flags)).toBe(line);
});
