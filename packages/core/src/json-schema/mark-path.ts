import type { JsonSchema } from "./wire-json-schema.ts";

/** Sets a keyword to `true` at every place of a JSON Schema that a dotted path leads to. Changes no validation. */
export function markPath(schema: JsonSchema, path: string, keyword: string): void {
  const segments = path === "" ? [] : path.split(".");
  if (!markPresent(schema, segments, keyword)) annotate(schema, segments, keyword);
}

/** Marks what the schema describes itself, in any option of a union. Answers whether there was anything. */
function markPresent(schema: JsonSchema, [segment, ...rest]: readonly string[], keyword: string): boolean {
  if (segment === undefined) {
    schema[keyword] = true;
    return true;
  }
  let isMarked = false;
  for (const option of [schema.anyOf, schema.oneOf, schema.allOf].flatMap(schemasOf)) {
    if (markPresent(option, [segment, ...rest], keyword)) isMarked = true;
  }
  for (const member of membersOf(schema, segment)) {
    if (markPresent(member, rest, keyword)) isMarked = true;
  }
  return isMarked;
}

function membersOf(schema: JsonSchema, segment: string): readonly JsonSchema[] {
  const { properties, additionalProperties, patternProperties, items, prefixItems } = schema;
  if (segment === "*") {
    const named = [properties, patternProperties].flatMap((group) => schemasOf(Object.values(group ?? {})));
    return [...named, ...schemasOf(prefixItems), ...schemasOf([items, additionalProperties])];
  }
  if (properties && Object.hasOwn(properties, segment)) return schemasOf([properties[segment]]);
  // One key of a record: as a property of its own it has the schema of all.
  const [all] = schemasOf([additionalProperties]);
  if (!all) return [];
  const own = structuredClone(all);
  schema.properties = { ...properties, [segment]: own };
  return [own];
}

/** Adds annotations where the schema has only a reference or says nothing: they hold beside what it does say. */
function annotate(schema: JsonSchema, [segment, ...rest]: readonly string[], keyword: string): void {
  if (segment === undefined) schema[keyword] = true;
  else if (segment === "*") {
    for (const key of ["items", "additionalProperties"]) {
      schema[key] ??= {};
      for (const member of schemasOf([schema[key]])) annotate(member, rest, keyword);
    }
  } else {
    const { properties = {} } = schema;
    const member = (Object.hasOwn(properties, segment) && properties[segment]) || {};
    schema.properties = { ...properties, [segment]: member };
    for (const own of schemasOf([member])) annotate(own, rest, keyword);
  }
}

function schemasOf(value: unknown): readonly JsonSchema[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is JsonSchema => typeof item === "object" && item !== null);
}
