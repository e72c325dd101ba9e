import type { $ZodType } from "zod/v4/core";
import type { Schema } from "./schema.ts";

/** The definition of a Zod schema, or of a check on one, which has no type. */
export type ZodDefinition = Readonly<Record<string, unknown>> & { readonly type?: string };

export interface ZodNode {
  readonly definition: ZodDefinition;
  readonly path: string;
  /** Whether a value here can be left out of JSON, which an array's element can't. */
  readonly isOmittable: boolean;
  /** The class of `z.instanceof`. */
  readonly instanceOf: unknown;
  /** Of a check: its schema's type. */
  readonly checkedType: string | undefined;
}

/** A getter that creates a new schema at every level never ends. */
const MAX_NODES = 5_000;
const MAX_LEVELS = 300;

/** Parts of a definition that can't be left out, and those that can. Others inherit from their schema. */
const REQUIRED: ReadonlySet<string> = new Set(["element", "items", "left", "rest", "right"]);
const MEMBERS: ReadonlySet<string> = new Set(["catchall", "valueType"]);

export function isZod(schema: Schema): schema is Schema & $ZodType {
  return schema["~standard"].vendor === "zod" && "_zod" in schema;
}

/**
 * Visits a Zod schema and its parts once each, breadth first. `visit` returns the parts to enter, or `undefined` for
 * all. Returns false if it stopped at its bounds. Throws what a getter throws.
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
          // Zod's getter calls a default that is a function.
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
