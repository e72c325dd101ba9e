import { type $ZodType, toJSONSchema } from "zod/v4/core";
import type { Schema } from "../contract/schema.ts";
import { isZod } from "../contract/zod-nodes.ts";

/** A schema of JSON Schema, draft 2020-12, with its commonest keywords typed. */
export interface JsonSchema {
  [keyword: string]: unknown;
  type?: JsonType | JsonType[];
  title?: string;
  description?: string;
  format?: string;
  enum?: (string | number | boolean | null)[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  examples?: unknown[];
}

type JsonType = "array" | "boolean" | "integer" | "null" | "number" | "object" | "string";

const TARGET = "draft-2020-12";

/** The JSON Schema of a schema's wire side, or `undefined` if its library can't make one. Throws what that throws. */
export function wireJsonSchema(schema: Schema): JsonSchema | undefined {
  if (isZod(schema)) return fromZod(schema);
  // Standard JSON Schema, an extension that some libraries implement.
  const { jsonSchema } = schema["~standard"] as {
    readonly jsonSchema?: { input(options: { readonly target: string }): JsonSchema };
  };
  return jsonSchema ? { ...jsonSchema.input({ target: TARGET }) } : undefined;
}

function fromZod(schema: $ZodType): JsonSchema {
  const made = toJSONSchema(schema, {
    target: TARGET,
    io: "input",
    // What has no schema by itself is described here, or may be anything.
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => describe(zodSchema, jsonSchema as JsonSchema),
  });
  return { ...made } as JsonSchema;
}

interface Definition {
  readonly type: string;
  readonly values?: readonly unknown[];
  /** A getter, where the default is a function. */
  readonly defaultValue?: unknown;
}

function describe(zodSchema: $ZodType, jsonSchema: JsonSchema): void {
  const definition = zodSchema._zod.def as Definition;
  switch (definition.type) {
    case "date":
      // Of z.coerce.date(): the text that JSON makes of it. Years after 9999 have another form.
      Object.assign(jsonSchema, { type: "string", format: "date-time" });
      break;
    case "undefined":
    case "void":
      jsonSchema.not = {};
      break;
    case "literal":
      if (definition.values?.every((value) => value === undefined)) jsonSchema.not = {};
      break;
    case "readonly":
      // In JSON Schema it means that only the receiver may set the value.
      delete jsonSchema.readOnly;
      break;
    case "catch":
      // It replaces invalid values, not absent ones.
      delete jsonSchema.default;
      break;
    case "default":
    case "prefault":
      if (!hasStableDefault(definition)) delete jsonSchema.default;
      break;
  }
}

/** Whether each call gives the same default. Otherwise every export would differ, as with the current time or a new id. */
function hasStableDefault(definition: Definition): boolean {
  const { defaultValue } = definition;
  return (
    !(defaultValue instanceof Date) &&
    JSON.stringify(defaultValue) === JSON.stringify(definition.defaultValue)
  );
}
