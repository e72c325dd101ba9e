import {
  JOB_STATES,
  STATE_MEANINGS,
  TERMINAL_STATES,
  TRANSITIONS,
  type Transition,
} from "../../packages/core/src/engine/state-machine.ts";
import { table } from "./markdown.ts";
import type { Page } from "./page.ts";

export const stateMachinePage: Page = {
  path: "docs/state-machine.md",
  source: "packages/core/src/engine/state-machine.ts",
  render: () => `# The states of a job

A job is in one of these states. Every engine follows the table below, and the tests check each transition
that they see against it.

${table(
  ["state", "means", "terminal"],
  JOB_STATES.map((state) => [`\`${state}\``, STATE_MEANINGS[state], isTerminal(state) ? "yes" : ""]),
)}

A terminal state changes only when an operator says so, and that opens a new epoch.

\`\`\`mermaid
stateDiagram-v2
${diagram().join("\n")}
\`\`\`

## Transitions

${table(
  ["from", "to", "when"],
  TRANSITIONS.map(({ from, to, on }) => [from === null ? "*(new)*" : `\`${from}\``, `\`${to}\``, on]),
)}
`,
};

function isTerminal(state: string): boolean {
  return TERMINAL_STATES.some((terminal) => terminal === state);
}

/** Without the conditions of the table, which would make the diagram unreadable. */
function diagram(): string[] {
  const arrows = TRANSITIONS.map(({ from, to }: Transition) => `  ${from ?? "[*]"} --> ${to}`);
  const ends = TERMINAL_STATES.map((state) => `  ${state} --> [*]`);
  return [...new Set([...arrows, ...ends])];
}
