import { withArticle } from "../errors/sentence.ts";
import { describeThrown } from "../errors/thrown.ts";
import type { Schema } from "./schema.ts";
import { wireParts } from "./schema-traits.ts";
import { isZod, walkZod, type ZodNode } from "./zod-nodes.ts";

/** Types that JSON can't carry, with their replacements. */
const NOT_JSON: Readonly<Record<string, string>> = {
  date: "z.codec(z.iso.datetime(), z.date(), …) or z.coerce.date()",
  bigint: "z.codec(z.string(), z.bigint(), …)",
  map: "an array of pairs, or a codec",
  set: "an array, or a codec",
  symbol: "a string",
  function: "data",
  promise: "the awaited value",
  file: "a reference to the stored file",
  nan: "a number, or null",
};

/**
 * Problems that a schema would have on the wire, reported when it is registered: a type that JSON can't carry, or a
 * one-way transform, which a sender can't encode.
 */
export function findWireProblems(what: string, schema: Schema): readonly string[] {
  if (!isZod(schema)) return [];
  const problems: string[] = [];
  try {
    walkZod(schema, what, (node) => {
      const problem = problemOf(node);
      if (problem !== undefined) problems.push(`${node.path}: ${problem}`);
      // Both sides of a pipe that isn't a codec must be reversible.
      const { type, reverseTransform, in: wire, out } = node.definition;
      return type === "pipe" && reverseTransform === undefined ? [wire, out] : wireParts(node);
    });
  } catch (error) {
    problems.push(`${what}: the schema can't be read: ${describeThrown(error).message}`);
  }
  return problems;
}

function problemOf({ definition, instanceOf }: ZodNode): string | undefined {
  const { type, coerce, values } = definition;
  // z.coerce.date() parses a date's JSON text back.
  const instead = type === "date" && coerce === true ? undefined : NOT_JSON[type ?? ""];
  if (instead) return `JSON can't carry a ${type}; use ${instead}`;
  if (type === "transform") return ".transform() can't be reversed when sending; use z.codec";
  if (type === "literal" && Array.isArray(values) && values.some((value) => typeof value === "bigint")) {
    return `JSON can't carry a bigint; use ${NOT_JSON.bigint}`;
  }
  if (
    type === "custom" &&
    typeof instanceOf === "function" &&
    instanceOf !== Object &&
    instanceOf !== Array
  ) {
    return `JSON can't carry ${withArticle(instanceOf.name)}; use z.codec, with the class on its far side`;
  }
  return undefined;
}
