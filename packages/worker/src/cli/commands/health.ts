import { type HealthStatus, type QueueHealth, toWire } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { formatBytes, formatDuration } from "../output/figures.ts";
import { printText } from "../output/sections.ts";
import { oneLine } from "../output/text.ts";
import { reasonWithCommands } from "../remedies.ts";
import type { Terminal } from "../terminal.ts";

const EXIT_CODE_OF: Readonly<Record<HealthStatus, number>> = {
  healthy: EXIT_CODES.OK,
  warning: EXIT_CODES.FAILED,
  critical: EXIT_CODES.UNHEALTHY,
};

export const healthCommand = defineCommand({
  name: "health",
  summary: "says whether all is well, and what to do if not",
  description:
    "Exits with 0 if all is well, 1 with warnings, 2 if something is critical. Figures are of five minutes.\n" +
    "It checks that the server takes writes, too. With a user who may only read it says so, and judges the rest.",
  flags: {},
  examples: [
    ["queue health", "for people"],
    ["queue health --json | jq -r '.reasons[].text'", "for alerts"],
  ],
  async run({ flags }, context) {
    const queue = await context.openQueue();
    const { terminal } = context;
    const health = judged(await queue.health());
    if (flags.json) terminal.printJson(toWire(health));
    else printHealth(terminal, health);
    return EXIT_CODE_OF[health.status];
  },
});

/** A user who may only look isn't told at each look that it can't write: the rest is judged. */
function judged(health: QueueHealth): QueueHealth {
  const reasons = health.reasons.filter(({ kind }) => kind !== "read-only").map(reasonWithCommands);
  const isCritical = reasons.some(({ status }) => status === "critical");
  const status = isCritical ? "critical" : reasons.length > 0 ? "warning" : "healthy";
  return { ...health, reasons, status };
}

function printHealth(terminal: Terminal, { status, reasons, engine }: QueueHealth): void {
  const { colors } = terminal;
  const paint = { healthy: colors.green, warning: colors.yellow, critical: colors.red };
  const { used, max } = engine.memory ?? {};
  const facts = [
    engine.version ?? `the ${engine.engine} engine`,
    ...(engine.ok ? [`answers in ${formatDuration(engine.latency)}`] : []),
    ...(used === undefined
      ? []
      : [`${formatBytes(used)}${max === undefined ? "" : ` of ${formatBytes(max)}`} used`]),
  ];
  terminal.print(
    `${colors.bold(paint[status](headline(reasons)))}  ${colors.dim(oneLine(`(${facts.join(", ")})`))}`,
  );
  if (engine.isReadOnly) {
    printText(terminal, "This user may only read: whether the server accepts writes wasn't checked.", "");
  }
  // The worst first.
  for (const reason of [...reasons].sort(bySeverity)) {
    terminal.print("");
    terminal.print(
      `${paint[reason.status](reason.status)}  ${oneLine([reason.kind, reason.queue].filter(Boolean).join(" "))}`,
    );
    printText(terminal, reason.text);
    printText(terminal, `→ ${reason.remedy}`);
  }
}

/** `1 critical, 2 warnings` */
function headline(reasons: QueueHealth["reasons"]): string {
  if (reasons.length === 0) return "healthy";
  const warnings = reasons.filter(({ status }) => status === "warning").length;
  const critical = reasons.length - warnings;
  return [
    ...(critical > 0 ? [`${critical} critical`] : []),
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? "warning" : "warnings"}`] : []),
  ].join(", ");
}

function bySeverity(a: { readonly status: string }, b: { readonly status: string }): number {
  return Number(b.status === "critical") - Number(a.status === "critical");
}
