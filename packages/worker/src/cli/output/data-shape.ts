import type { Message } from "@org/queue";
import { oneLine } from "./text.ts";

const MAX_LENGTH = 300;

/** What this reads of a JSON Schema. */
interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

/** A message's data in one line: `{ to: string (email), copies?: integer }`. `undefined` if its schema can't tell. */
export async function describeData(message: Message): Promise<string | undefined> {
  const { messageJsonSchema } = await import("@org/queue/json-schema");
  try {
    const shape = oneLine(describe(messageJsonSchema(message).data as SchemaNode, 0));
    return shape.length > MAX_LENGTH ? undefined : shape;
  } catch {
    return undefined;
  }
}

function describe(node: SchemaNode, depth: number): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = node.anyOf ?? node.oneOf;
  if (choices) return choices.map((each) => describe(each, depth)).join(" | ");
  if (node.items) return `${describe(node.items, depth)}[]`;
  if (node.properties && depth < 2) {
    const members = Object.entries(node.properties).map(
      ([name, each]) => `${name}${node.required?.includes(name) ? "" : "?"}: ${describe(each, depth + 1)}`,
    );
    return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
  }
  const type = [node.type ?? "anything"].flat().join(" | ");
  return node.format ? `${type} (${node.format})` : type;
}
