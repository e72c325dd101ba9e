import type { $ZodType } from "zod/v4/core";
import { walkZod, type ZodNode } from "./zod-nodes.ts";

/** What can be told of a schema without a value. When in doubt, not. */
export interface SchemaTraits {
  /** It runs no function of the app's that could answer a promise. */
  readonly isSync: boolean;
  /** It parses a value the same way forwards and backwards. */
  readonly isSymmetric: boolean;
  /** Its wire side holds nothing that JSON leaves out or changes. */
  readonly isJson: boolean;
}

/** Types that parse a value the same way forwards and backwards. */
const SYMMETRIC: ReadonlySet<unknown> = new Set([
  "any",
  "array",
  "boolean",
  "enum",
  "lazy",
  "literal",
  "never",
  "null",
  "nullable",
  "number",
  "object",
  "optional",
  "record",
  "string",
  "tuple",
  "union",
  "unknown",
]);

/** Further types that run nothing of the app's but what answers at once. */
const SYNC: ReadonlySet<unknown> = new Set([
  ...SYMMETRIC,
  "catch",
  "date",
  "default",
  "intersection",
  "nonoptional",
  "prefault",
  "readonly",
  "template_literal",
  "undefined",
  "void",
]);

/** Types that let anything through. A date arrives as text, which `z.coerce.date()` may or may not read again. */
const OPEN: ReadonlySet<unknown> = new Set(["any", "date", "unknown"]);

/** Types that let `undefined` through: fine where it can be left out, and null as an element. */
const OMITTABLE: ReadonlySet<unknown> = new Set(["optional", "undefined"]);

/** Checks that only look at the value. Others may change it, before or after the parse. */
const PURE_CHECKS: ReadonlySet<unknown> = new Set([
  "describe",
  "greater_than",
  "length_equals",
  "less_than",
  "max_length",
  "meta",
  "min_length",
  "multiple_of",
  "number_format",
  "string_format",
]);

export function traitsOf(schema: $ZodType): SchemaTraits {
  let isSync = true;
  let isSymmetric = true;
  let isJson = true;
  try {
    const isWhole = walkZod(schema, "", ({ definition: { type, check, coerce } }) => {
      const isPure = PURE_CHECKS.has(check);
      isSync &&= type === undefined ? isPure || check === "overwrite" : SYNC.has(type);
      isSymmetric &&= type === undefined ? isPure : SYMMETRIC.has(type) && coerce !== true;
      return undefined;
    });
    isSync &&= isWhole;
    isSymmetric &&= isWhole;
    const isWireWhole = walkZod(schema, "", (node) => {
      isJson &&= isJsonNode(node);
      return wireParts(node);
    });
    isJson &&= isWireWhole;
  } catch {
    return { isSync: false, isSymmetric: false, isJson: false };
  }
  return { isSync, isSymmetric, isJson };
}

/** Only the wire side of a pipe travels. A codec's far side may be anything. */
export function wireParts({ definition }: ZodNode): readonly unknown[] | undefined {
  return definition.type === "pipe" ? [definition.in, ...asList(definition.checks)] : undefined;
}

function isJsonNode({ definition, isOmittable, checkedType }: ZodNode): boolean {
  const { type, check, fn, values } = definition;
  if (checkedType !== undefined) {
    // Other checks than these may put another value in place; for a text, that is a text.
    return (
      PURE_CHECKS.has(check) ||
      typeof fn === "function" ||
      (check === "overwrite" && checkedType === "string")
    );
  }
  if (type === "literal") return asList(values).every(isJsonLiteral);
  // Unlike the others, it has to be there to be undefined.
  if (type === "void") return false;
  if (OMITTABLE.has(type)) return isOmittable;
  return type === "pipe" || (SYNC.has(type) && !OPEN.has(type));
}

function isJsonLiteral(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
