import type { $ZodType } from "zod/v4/core";
import type { Schema } from "./schema.ts";

/** The definition of a Zod schema, or of a check on one, which has no type. */
export type ZodDefinition = Readonly<Record<string, unknown>> & { readonly type?: string };

export interface ZodNode {
  readonly definition: ZodDefinition;
  readonly path: string;
  /** Whether JSON can leave out a value here: it can't be an element of an array. */
  readonly isOmittable: boolean;
  /** The class of `z.instanceof`. */
  readonly instanceOf: unknown;
  /** The type of the schema that a check is on. */
  readonly checkedType: string | undefined;
}

/** Schemas that functions make anew at every level never end. */
const MAX_NODES = 5_000;
const MAX_LEVELS = 300;

/** Parts of a definition that can't be left out, and those that can. Others are as their schema is. */
const REQUIRED: ReadonlySet<string> = new Set(["element", "items", "left", "rest", "right"]);
const MEMBERS: ReadonlySet<string> = new Set(["catchall", "valueType"]);

export function isZod(schema: Schema): schema is Schema & $ZodType {
  return schema["~standard"].vendor === "zod" && "_zod" in schema;
}

/**
 * Walks a Zod schema and those inside it, level by level, each once. `visit` answers which parts of a definition
 * to go into; `undefined` means all. Answers false when it stopped at its bounds. Throws what a getter throws.
 */
export function walkZod(
  root: unknown,
  path: string,
  visit: (node: ZodNode) => readonly unknown[] | undefined,
): boolean {
  const seen = new Set<unknown>();
  let level: Entry[] = [];
  let next: Entry[] = [];
  const add = (schema: unknown, at: string, isOmittable: boolean, checkedType?: string) => {
    if (!isZodNode(schema) || seen.has(schema)) return;
    seen.add(schema);
    next.push({ schema, path: at, isOmittable, checkedType });
  };
  add(root, path, true);
  for (let depth = 0; next.length > 0; depth++) {
    if (depth > MAX_LEVELS || seen.size > MAX_NODES) return false;
    level = next;
    next = [];
    for (const { schema, path: at, isOmittable, checkedType } of level) {
      const { def, bag, innerType } = schema._zod as $ZodType["_zod"] & { innerType?: unknown };
      const definition = def as unknown as ZodDefinition;
      const parts = visit({ definition, path: at, isOmittable, checkedType, instanceOf: bag?.Class });
      if (parts) for (const part of parts) add(part, at, isOmittable);
      else if (def.type === "lazy") add(innerType, at, isOmittable);
      else {
        for (const key of Object.keys(definition)) {
          // A default may be a function that Zod's getter would call.
          if (key === "defaultValue") continue;
          const part = definition[key];
          const isPartOmittable = MEMBERS.has(key) || (isOmittable && !REQUIRED.has(key));
          if (key === "shape") {
            for (const [name, field] of Object.entries(part as object)) add(field, `${at}.${name}`, true);
          } else if (!Array.isArray(part)) add(part, at, isPartOmittable);
          else
            for (const item of part) add(item, at, isPartOmittable, key === "checks" ? def.type : undefined);
        }
      }
    }
  }
  return true;
}

interface Entry {
  readonly schema: $ZodType;
  readonly path: string;
  readonly isOmittable: boolean;
  readonly checkedType: string | undefined;
}

function isZodNode(value: unknown): value is $ZodType {
  return typeof value === "object" && value !== null && "_zod" in value;
}
