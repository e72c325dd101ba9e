import type { Issue } from "../errors/queue-error.ts";
import { withArticle } from "../errors/sentence.ts";
import { isPlain } from "./limits.ts";

/** Differences listed in one error. */
const MAX_LISTED = 10;

/** Whether a value survives JSON unchanged. The value must not be circular. */
export function isJsonValue(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return lossOf(value) === undefined;
  if (lossOfObject(value) !== undefined) return false;
  if (Array.isArray(value)) return value.every(isJsonValue);
  for (const key in value) if (!isJsonValue((value as Record<string, unknown>)[key])) return false;
  return true;
}

/** The first ten places where JSON would change or drop something. */
export function findJsonLosses(value: unknown): readonly Issue[] {
  const losses: Issue[] = [];
  const walk = (node: unknown, path: string): void => {
    if (losses.length >= MAX_LISTED) return;
    const problem = lossOf(node);
    if (problem !== undefined) losses.push({ path: path.slice(1), message: problem });
    else if (typeof node === "object" && node !== null) {
      for (const key of Object.keys(node)) walk((node as Record<string, unknown>)[key], `${path}.${key}`);
    }
  };
  walk(value, "");
  return losses;
}

function lossOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `JSON can't carry ${value}`;
    case "object":
      return value === null ? undefined : lossOfObject(value);
    case "undefined":
      return "JSON can't carry undefined, and here it can't be left out";
    default:
      return `JSON can't carry a ${typeof value}`;
  }
}

function lossOfObject(value: object): string | undefined {
  if (Object.getOwnPropertySymbols(value).length > 0) return "JSON can't carry members named by symbols";
  if (Array.isArray(value)) {
    return Object.keys(value).length === value.length
      ? undefined
      : "JSON can't carry an array's holes, or members beside its elements";
  }
  return isPlain(value) ? undefined : `JSON can't carry ${withArticle(classNameOf(value))}`;
}

function classNameOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value).constructor?.name;
  return typeof name === "string" && /^[A-Za-z0-9_$]{1,64}$/.test(name) ? name : "class's instance";
}

/** Deep equality. A member that is undefined counts as absent. */
export function isSameValue(one: unknown, other: unknown): boolean {
  try {
    return isSame(one, other);
  } catch {
    // A proxy, or a getter that throws.
    return false;
  }
}

function isSame(one: unknown, other: unknown): boolean {
  if (one === other || (Number.isNaN(one) && Number.isNaN(other))) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one)) {
    return Array.isArray(other) && one.length === other.length && haveSameMembers(one, other);
  }
  if (isPlain(one)) return isPlain(other) && haveSameMembers(one, other);
  return Object.getPrototypeOf(one) === Object.getPrototypeOf(other) && isSameInstance(one, other);
}

function isSameInstance(one: object, other: object): boolean {
  if (one instanceof Date) return isSame(one.getTime(), (other as Date).getTime());
  if (one instanceof Map || one instanceof Set) {
    return isSame([...one], [...(other as Map<unknown, unknown> | Set<unknown>)]);
  }
  // Other classes: their members and their text are all that can be compared.
  return haveSameMembers(one, other) && String(one) === String(other);
}

function haveSameMembers(one: object, other: object): boolean {
  return [...membersOf(one), ...membersOf(other)].every((key) =>
    isSame((one as Record<PropertyKey, unknown>)[key], (other as Record<PropertyKey, unknown>)[key]),
  );
}

function membersOf(value: object): readonly PropertyKey[] {
  return [...Object.keys(value), ...Object.getOwnPropertySymbols(value)];
}
