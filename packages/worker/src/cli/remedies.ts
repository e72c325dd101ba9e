import { formatJobQuery, type HealthReason, type JobExplanation, type StateReason } from "@org/queue";
import { shellLine } from "./shell-line.ts";

/** A reason with what to do about it in commands: the queue's own remedies are for code. */
export function reasonWithCommands(reason: HealthReason): HealthReason {
  return { ...reason, remedy: remedyOf(reason) };
}

function remedyOf({ kind, queue = "", remedy }: HealthReason): string {
  if (kind === "failures") {
    const failures = shellLine("failures", [], { queue });
    const retry = shellLine("retry", [], { where: formatJobQuery({ state: "failed", queue }) });
    return `Look at what fails: ${failures}. Mend the cause, then retry them: ${retry}`;
  }
  if (kind === "paused") return `When it may go on: ${shellLine("resume", [queue], {})}`;
  if (kind === "engine") return `${remedy} To look closer: queue doctor`;
  if (kind === "unserved" || kind === "unhandled") return withWorker(remedy);
  return remedy;
}

/** An explanation with what to do about its reasons in commands. */
export function explanationWithCommands(explanation: JobExplanation): JobExplanation {
  const reasons = explanation.reasons.map((reason) => ({ ...reason, text: textOf(reason) }));
  const summary = reasons.reduce(
    (text, reason, index) => text.replace(explanation.reasons[index]!.text, () => reason.text),
    explanation.summary,
  );
  return { ...explanation, summary, reasons };
}

function textOf(reason: StateReason): string {
  if (reason.kind === "paused-queue") {
    const resume = shellLine("resume", [reason.queue], {});
    return (
      `The queue ${reason.queue} is paused: nothing of it starts until it is resumed. Workers give back what they hold of ` +
      `it unrun within 250 ms. To resume it: ${resume}`
    );
  }
  if (reason.kind === "ordering-key" && reason.held) {
    const [retry, remove] = ["retry", "remove"].map((name) => shellLine(name, [reason.behind], {}));
    return (
      `It is held: the job ${reason.behind} ahead of it in the ordering key "${reason.key}" has failed, and holds the key. ` +
      `To let it go on: ${retry}, or: ${remove}`
    );
  }
  return reason.kind === "ready" || reason.kind === "unhandled" ? withWorker(reason.text) : reason.text;
}

function withWorker(text: string): string {
  return text.replace(/Start a worker that [^.]+\b(?=\.)/, (found) => `${found} (queue worker)`);
}
