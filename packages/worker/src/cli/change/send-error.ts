import { type DependencyNotFoundError, isQueueError, type Message, type QueueError } from "@org/queue";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { describeData } from "../output/data-shape.ts";

/** The flags of options whose values only the queue can judge. */
const FLAGS: Readonly<Record<string, string>> = {
  id: "--id",
  userId: "--user",
  metadata: "--metadata",
  delay: "--delay",
  dedupe: "--dedupe",
  dependsOn: "--after",
};

/** What a send was refused for, in terms of the command line. Other errors stay as they are. */
export async function sendError(
  error: unknown,
  message: Message,
  { isGiven }: { readonly isGiven: boolean },
): Promise<unknown> {
  if (isQueueError(error, "DEPENDENCY_NOT_FOUND")) {
    const ids = (error as DependencyNotFoundError).missing.join(", ");
    return new CommandError(
      `--after: no job ${ids} is known. Nothing was sent. Check the id and the namespace.`,
    );
  }
  if (isQueueError(error, "INVALID_DATA") && /\bmetadata of /.test(error.message)) {
    const lines = error.issues.map(
      ({ path, message: text }) => `--metadata: ${path ? `${path}: ` : ""}${text}`,
    );
    return new CommandError(lines.join("\n") || error.message, EXIT_CODES.USAGE, { cause: error });
  }
  if (isQueueError(error, "INVALID_DATA")) return dataError(error, message, isGiven);
  if (!isQueueError(error, "INVALID_OPTIONS") && !isQueueError(error, "UNSUPPORTED_VERSION")) return error;
  return new CommandError(optionsText(error), EXIT_CODES.USAGE, { cause: error });
}

function optionsText({ issues, message }: QueueError): string {
  const lines = issues.map(({ path, message: text }) => {
    const flag = FLAGS[path.split(".")[0] ?? ""];
    return flag && `${flag}: ${text}`;
  });
  return lines.length > 0 && lines.every(Boolean) ? lines.join("\n") : message;
}

async function dataError(error: QueueError, message: Message, isGiven: boolean): Promise<CommandError> {
  const shape = await describeData(message);
  const lines = isGiven
    ? [`The data isn't valid for ${message.name}:`, ...issueLines(error)]
    : [`--data is missing: ${message.name} needs it.`];
  if (shape !== undefined) lines.push(`${message.name} takes ${shape}`);
  return new CommandError(lines.join("\n"), EXIT_CODES.USAGE, { cause: error });
}

function issueLines({ issues, message }: QueueError): readonly string[] {
  if (issues.length === 0) return [`  ${message}`];
  return issues.map(({ path, message: text }) => `  ${path === "" ? "the data itself" : path}: ${text}`);
}
