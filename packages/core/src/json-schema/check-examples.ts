import type { Message } from "../contract/message.ts";
import { checkExample } from "../contract/message-problems.ts";
import type { Registry } from "../contract/registry.ts";
import { QueueError } from "../errors/queue-error.ts";

/**
 * Validates the examples of all messages, those with asynchronous checks too, which `createRegistry` leaves alone.
 * For a test of your contracts.
 *
 * @throws {QueueError} `INVALID_CONTRACT` with every invalid example in `issues`.
 */
export async function checkExamples(registry: Pick<Registry, "messages">): Promise<void> {
  const found = await Promise.all(registry.messages.map(findInvalidExamples));
  const issues = found.flat();
  if (issues.length === 0) return;
  const list = issues.map(({ path, message }) => `\n  - ${path}: ${message}`).join("");
  throw new QueueError("INVALID_CONTRACT", `Examples are invalid:${list}`, { issues });
}

async function findInvalidExamples(message: Message) {
  const problems = await Promise.all(message.examples.map((_, index) => checkExample(message, index)));
  return problems.flat().map((problem) => ({ path: message.name, message: problem }));
}
