import { isZod, type Schema } from "./schema.ts";
import { walkZod } from "./zod-nodes.ts";

/** Types whose values JSON can't carry, with what to write instead. */
const NOT_JSON: Readonly<Record<string, string>> = {
  date: "z.codec(z.iso.datetime(), z.date(), …) or z.coerce.date()",
  bigint: "z.codec(z.string(), z.bigint(), …)",
  map: "an array of pairs, or a codec",
  set: "an array, or a codec",
  symbol: "a string",
  function: "data",
  promise: "the awaited value",
  file: "a reference to the stored file",
};

/**
 * What would go wrong with a schema on the wire, found when it is registered instead of in production: a
 * type that JSON can't carry, or a one-way transform, which a sender can't encode.
 */
export function findWireProblems(what: string, schema: Schema): readonly string[] {
  if (!isZod(schema)) return [];
  const problems: string[] = [];
  walkZod(schema, what, (definition, path) => {
    const { type, coerce } = definition;
    const instead = NOT_JSON[type ?? ""];
    // A date is written as a text that z.coerce.date() reads again.
    if (instead && !(type === "date" && coerce === true)) {
      problems.push(`${path}: JSON can't carry a ${type}; use ${instead}`);
    }
    if (type === "transform") {
      problems.push(`${path}: .transform() can't be reversed when sending; use z.codec`);
    }
    if (type !== "pipe") return undefined;
    // Only the wire side travels. A codec's far side may be anything; any other pipe must be two-way.
    return definition.reverseTransform === undefined ? [definition.in, definition.out] : [definition.in];
  });
  return problems;
}
