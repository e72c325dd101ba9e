import * as z from "zod/mini";
import type { Message, MessagePart } from "../contract/message.ts";
import { findProblems } from "../contract/message-problems.ts";
import { parseOptions } from "../contract/options.ts";
import type { Registry } from "../contract/registry.ts";
import type { Schema } from "../contract/schema.ts";
import { QueueError } from "../errors/queue-error.ts";
import { messageOf } from "../errors/thrown.ts";
import { markPath } from "./mark-path.ts";
import { type JsonSchema, wireJsonSchema } from "./wire-json-schema.ts";

/** JSON Schemas, each a document of its own, of what travels as JSON. */
export interface MessageJsonSchema {
  /** With the message's title, description and examples. */
  data: JsonSchema;
  result?: JsonSchema;
  progress?: JsonSchema;
}

/** The messages of a registry, by name. */
export type RegistryJsonSchema = Record<
  string,
  MessageJsonSchema & { version: number; queue: string; title?: string; description?: string }
>;

/** JSON Schemas of a message, for schemas of libraries that can't make one. */
export type PartSchemas = { readonly [Part in MessagePart]?: object | undefined };

export interface JsonSchemaOptions {
  /** Used instead of those that the message's schemas make. */
  readonly schemas?: PartSchemas | undefined;
}

export interface RegistryJsonSchemaOptions {
  /** As the `schemas` of `messageJsonSchema`, by message name. */
  readonly schemas?: Readonly<Record<string, PartSchemas>> | undefined;
}

const jsonSchema = z.optional(z.record(z.string(), z.unknown()));
const partSchemas = z.strictObject({ data: jsonSchema, result: jsonSchema, progress: jsonSchema });
const messageOptions = z.strictObject({ schemas: z.optional(partSchemas) });
const registryOptions = z.strictObject({ schemas: z.optional(z.record(z.string(), partSchemas)) });

/**
 * The JSON Schemas of a message's wire side: of what `send` makes of data, and of results and progress as they are
 * stored. `x-sensitive` and `x-searchable` mark members that the message names as such.
 *
 * @throws {QueueError} `INVALID_CONTRACT` for a message with problems; `INVALID_OPTIONS` when a schema's library can't
 * make a JSON Schema and `schemas` has none.
 */
export function messageJsonSchema(message: Message, options: JsonSchemaOptions = {}): MessageJsonSchema {
  const { schemas = {} } = parseOptions("messageJsonSchema", messageOptions, options);
  return toJsonSchema(message, schemas);
}

/**
 * The JSON Schemas of all messages of a registry.
 *
 * @throws {QueueError} as `messageJsonSchema` does.
 *
 * @example
 * await writeFile("contracts.json", JSON.stringify(registryJsonSchema(registry), null, 2));
 */
export function registryJsonSchema(
  registry: Pick<Registry, "messages">,
  options: RegistryJsonSchemaOptions = {},
): RegistryJsonSchema {
  const { schemas = {} } = parseOptions("registryJsonSchema", registryOptions, options);
  const entries = registry.messages.map((message) => {
    const { name, version, queue, title, description } = message;
    const about = { version, queue, ...(title && { title }), ...(description && { description }) };
    const given = Object.hasOwn(schemas, name) ? schemas[name] : {};
    return [name, { ...about, ...toJsonSchema(message, given ?? {}) }] as const;
  });
  return Object.fromEntries(entries);
}

function toJsonSchema(message: Message, given: PartSchemas): MessageJsonSchema {
  const problems = findProblems(message);
  if (problems.length > 0) {
    throw new QueueError(
      "INVALID_CONTRACT",
      `${message.name} has problems, so it has no JSON Schema:${problems.map((text) => `\n  - ${text}`).join("")}`,
      { issues: problems.map((text) => ({ path: message.name, message: text })) },
    );
  }
  const { data, result, progress, title, description, examples } = message;
  const { $schema, ...body } = partJsonSchema(message, "data", data, given);
  return {
    data: {
      ...($schema !== undefined && { $schema }),
      ...body,
      // Over those of the schema itself.
      ...(title && { title }),
      ...(description && { description }),
      ...(examples.length > 0 && { examples: structuredClone([...examples]) }),
    },
    ...(result && { result: partJsonSchema(message, "result", result, given) }),
    ...(progress && { progress: partJsonSchema(message, "progress", progress, given) }),
  };
}

function partJsonSchema(message: Message, part: MessagePart, schema: Schema, given: PartSchemas): JsonSchema {
  const own = given[part] as JsonSchema | undefined;
  const json = own ? structuredClone(own) : generate(message, part, schema);
  for (const path of message.sensitive[part]) markPath(json, path, "x-sensitive");
  if (part === "data") for (const path of message.searchable) markPath(json, path, "x-searchable");
  return json;
}

function generate({ name }: Message, part: MessagePart, schema: Schema): JsonSchema {
  const { vendor } = schema["~standard"];
  let json: JsonSchema | undefined;
  try {
    json = wireJsonSchema(schema);
  } catch (cause) {
    throw missing(
      `The ${part} schema of ${name} (${vendor}) has no JSON Schema: ${messageOf(cause)}.`,
      part,
      cause,
    );
  }
  if (json) return json;
  throw missing(`The ${part} schema of ${name} is of ${vendor}, which makes no JSON Schema by itself.`, part);
}

function missing(problem: string, part: MessagePart, cause?: unknown): QueueError {
  const remedy =
    `Pass one that describes the JSON that travels: messageJsonSchema(message, { schemas: { ${part}: … } }), ` +
    "or registryJsonSchema(registry, { schemas: { [name]: … } }).";
  return new QueueError("INVALID_OPTIONS", `${problem} ${remedy}`, { cause });
}
