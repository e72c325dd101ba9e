import type { $ZodType } from "zod/v4/core";
import { walkZod, type ZodNode } from "./zod-nodes.ts";

/** What a schema guarantees for every value. In doubt, a trait is false. */
export interface SchemaTraits {
  /** It runs no function of the app that could return a promise. */
  readonly isSync: boolean;
  /** It parses a value the same way forwards and backwards. */
  readonly isSymmetric: boolean;
  /** Its wire side contains nothing that JSON drops or changes. */
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

/** Further types that run no asynchronous function of the app. */
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

/** Types that accept anything. A date arrives as text, which `z.coerce.date()` may or may not parse back. */
const OPEN: ReadonlySet<unknown> = new Set(["any", "date", "unknown"]);

/** Types that accept `undefined`: JSON drops it as a member, and turns it into null as an element. */
const OMITTABLE: ReadonlySet<unknown> = new Set(["optional", "undefined"]);

/** Checks that never change the value. */
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

/** The parts of a node that travel: of a pipe, its wire side. A codec's app side may be anything. */
export function wireParts({ definition }: ZodNode): readonly unknown[] | undefined {
  return definition.type === "pipe" ? [definition.in, ...asList(definition.checks)] : undefined;
}

function isJsonNode({ definition, isOmittable, checkedType }: ZodNode): boolean {
  const { type, check, fn, values } = definition;
  if (checkedType !== undefined) {
    // Other checks may replace the value. For a string the replacement is a string too.
    return (
      PURE_CHECKS.has(check) ||
      typeof fn === "function" ||
      (check === "overwrite" && checkedType === "string")
    );
  }
  if (type === "literal") return asList(values).every(isJsonLiteral);
  // Unlike the others, its key must be present.
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
