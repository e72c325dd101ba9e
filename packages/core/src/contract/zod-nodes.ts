import type { $ZodType } from "zod/v4/core";

/** The definition of a Zod schema, or of a check on one, which has no type. */
export type ZodDefinition = Readonly<Record<string, unknown>> & { readonly type?: string };

/**
 * Walks a Zod schema and those inside it, each once. `visit` answers which parts of a definition to go into;
 * `undefined` means all. Recursive schemas (`z.lazy`) are not entered.
 */
export function walkZod(
  root: unknown,
  path: string,
  visit: (definition: ZodDefinition, path: string) => readonly unknown[] | undefined,
): void {
  const seen = new Set<unknown>();
  const enter = (node: unknown, at: string): void => {
    if (!isZodNode(node) || seen.has(node)) return;
    seen.add(node);
    const definition = node._zod.def as unknown as ZodDefinition;
    const parts = visit(definition, at);
    if (parts) {
      for (const part of parts) enter(part, at);
      return;
    }
    for (const [key, part] of Object.entries(definition)) {
      if (key === "shape") {
        for (const [name, field] of Object.entries(part as object)) enter(field, `${at}.${name}`);
      } else if (Array.isArray(part)) {
        for (const item of part) enter(item, at);
      } else if (key !== "getter") enter(part, at);
    }
  };
  enter(root, path);
}

function isZodNode(value: unknown): value is $ZodType {
  return typeof value === "object" && value !== null && "_zod" in value;
}
