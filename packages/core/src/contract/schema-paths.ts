import type { $ZodType } from "zod/v4/core";

/** What a schema has at a path. */
export interface PathTarget {
  /** `unknown`: the schema doesn't say. */
  readonly kind: "missing" | "scalar" | "other" | "unknown";
  /** The part of the path that leads to a codec, if the path goes on inside of it. */
  readonly codec?: string;
}

const SCALARS: ReadonlySet<string> = new Set([
  "bigint",
  "boolean",
  "date",
  "enum",
  "literal",
  "number",
  "string",
  "template_literal",
]);
const CONTAINERS: ReadonlySet<string> = new Set(["array", "object", "record", "tuple"]);
const EMPTY: ReadonlySet<string> = new Set(["never", "null", "undefined", "void"]);

/** A schema without its wrappers. */
interface Core {
  readonly definition: Definition;
  readonly isInCodec: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: the definition of any type of schema
type Definition = Readonly<Record<string, any>> & { readonly type: string };

/**
 * Follows a dotted path on the wire side of a Zod schema. It finds what any option of a union has. `*` leads to each
 * element of an array and each value of a record.
 */
export function findAtPath(schema: $ZodType, path: string): PathTarget {
  let cores = coresOf(schema, false);
  let walked = "";
  let codec: string | undefined;
  for (const segment of path === "" ? [] : path.split(".")) {
    if (codec === undefined && cores.some(({ isInCodec }) => isInCodec)) codec = walked;
    cores = cores.flatMap((core) => membersOf(core, segment));
    walked += walked === "" ? segment : `.${segment}`;
  }
  return { kind: kindOf(cores), ...(codec !== undefined && { codec }) };
}

/** The schemas at a path, in each option of a union; none inside of a codec, whose app side may be anything. */
export function schemasAtPath(schema: $ZodType, path: string): readonly $ZodType[] {
  let schemas: readonly $ZodType[] = [schema];
  for (const segment of path.split(".")) {
    schemas = schemas
      .flatMap((parent) => coresOf(parent, false))
      .flatMap((core) => (core.isInCodec ? [] : memberSchemasOf(core, segment)));
  }
  return schemas;
}

/** A type of scalar, or the values of an enum or a literal. */
export interface ScalarType {
  readonly type: string;
  readonly values?: readonly (string | number | boolean | bigint)[];
}

/** What a path leads to, as the app has it: a codec's app side. Empty where the schema doesn't say. */
export function scalarsAtPath(schema: $ZodType, path: string): readonly ScalarType[] {
  const cores = schemasAtPath(schema, path).flatMap((target) => coresOf(target, false, "app"));
  const scalars = cores.filter(({ definition }) => !EMPTY.has(definition.type));
  return scalars.every(({ definition }) => SCALARS.has(definition.type))
    ? scalars.map(({ definition: { type, entries, values } }) => {
        const known: readonly unknown[] | undefined = values ?? (entries && Object.values(entries));
        return { type, ...(known && { values: known.filter(isScalar) }) };
      })
    : [];
}

function isScalar(value: unknown): value is string | number | boolean | bigint {
  return ["string", "number", "boolean", "bigint"].includes(typeof value);
}

function kindOf(cores: readonly Core[]): PathTarget["kind"] {
  const types = cores.map(({ definition }) => definition.type);
  if (types.length === 0) return "missing";
  if (types.some((type) => SCALARS.has(type))) return "scalar";
  return types.every((type) => CONTAINERS.has(type) || EMPTY.has(type)) ? "other" : "unknown";
}

function membersOf(core: Core, segment: string): readonly Core[] {
  const { type } = core.definition;
  if (CONTAINERS.has(type)) {
    return memberSchemasOf(core, segment).flatMap((schema) => coresOf(schema, core.isInCodec));
  }
  // Of other types nothing is known about their members.
  return SCALARS.has(type) || EMPTY.has(type) ? [] : [core];
}

function memberSchemasOf({ definition }: Core, segment: string): readonly $ZodType[] {
  const { type, shape, catchall, element, items, rest, valueType, keyType } = definition;
  const isAny = segment === "*";
  const present = (schemas: readonly ($ZodType | null | undefined)[]) =>
    schemas.filter((schema): schema is $ZodType => Boolean(schema));
  if (type === "object") {
    if (isAny) return present([...Object.values<$ZodType>(shape), catchall]);
    return present([Object.hasOwn(shape, segment) ? shape[segment] : catchall]);
  }
  if (type === "record") {
    const keys: ReadonlySet<unknown> | undefined = keyType._zod.values;
    return isAny || !keys || keys.has(segment) ? [valueType] : [];
  }
  if (type === "array" && isAny) return [element];
  return type === "tuple" && isAny ? present([...items, rest]) : [];
}

function coresOf(root: $ZodType, isInCodec: boolean, side: "wire" | "app" = "wire"): readonly Core[] {
  const cores: Core[] = [];
  const seen = new Set<unknown>();
  const unwrap = (schema: $ZodType, isInside: boolean): void => {
    if (seen.has(schema)) return;
    seen.add(schema);
    const definition = schema._zod.def as unknown as Definition;
    const { type, innerType, options, left, right, in: wire, out: app, reverseTransform } = definition;
    if (type === "union") for (const option of options) unwrap(option, isInside);
    else if (type === "intersection") for (const side of [left, right]) unwrap(side, isInside);
    else if (type === "pipe" && reverseTransform && side === "app") unwrap(app, true);
    else if (type === "pipe") unwrap(wire, isInside || reverseTransform !== undefined);
    else if (type === "lazy") unwrap((schema._zod as unknown as { innerType: $ZodType }).innerType, isInside);
    else if (innerType) unwrap(innerType, isInside);
    else if (type !== "never") cores.push({ definition, isInCodec: isInside });
  };
  unwrap(root, isInCodec);
  return cores;
}
